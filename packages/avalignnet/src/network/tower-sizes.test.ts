import { describe, expect, test } from 'vitest';
import type { AVAlignNetConfig, TowerConfig } from './config';
import { CONFIGURATIONS, LITE, thesis } from './configurations';
import { assertConfig, downsampling, towerSizes } from './tower-sizes';

const shown = (tower: TowerConfig, height: number, width: number) =>
  towerSizes('some', tower, { height, width })
    .map((size) => `${size.height}x${size.width}`)
    .join(' ');

describe('downsampling', () => {
  test.each([
    [2, [2, 2], [0, 1, 0, 1]],
    [
      [2, 3],
      [2, 3],
      [0, 1, 0, 1],
    ],
    [
      [1, 2],
      [1, 2],
      [0, 1, 1, 1],
    ],
    [
      [2, 1],
      [2, 1],
      [1, 1, 0, 1],
    ],
  ])('pads factor %j as the source does', (factor, stride, [left, right, top, bottom]) => {
    expect(downsampling(factor)).toEqual({ stride, padding: { left, right, top, bottom } });
  });

  test('is undefined for the scalar 1', () => {
    expect(downsampling(1)).toBeUndefined();
  });
});

describe('towerSizes', () => {
  test('gives the sizes of the published networks', () => {
    const { syncnet_16_pixel: net } = CONFIGURATIONS;
    expect(shown(net.audio_encoder, 80, 52)).toBe('80x52 40x52 20x26 10x13 10x13 5x6 2x3 1x1');
    expect(shown(net.visual_encoder, 128, 256)).toBe('128x256 128x128 64x64 32x32 16x16 8x8 4x4 2x2 1x1');
    expect(shown(thesis({ frameCount: 15, size: 64 }).audio_encoder, 80, 48)).toBe(
      '80x48 40x48 20x24 10x12 10x12 5x6 2x3 1x1',
    );
    expect(shown(LITE.visual_encoder, 48, 48)).toBe('48x48 12x12 6x6 3x3 1x1');
    expect(shown(LITE.audio_encoder, 80, 32)).toBe('80x32 40x16 20x8 10x4 5x2 1x1');
  });
});

describe('assertConfig', () => {
  const changed = (tower: 'visual_encoder' | 'audio_encoder', change: Partial<TowerConfig>): AVAlignNetConfig => ({
    ...LITE,
    [tower]: { ...LITE[tower], ...change },
  });

  test('refuses a tower that does not end at 1x1, with the arithmetic', () => {
    const config = changed('audio_encoder', { downsample_factors: [2, 2, 2, 2, [5, 1]] });
    expect(() => assertConfig('test', config)).toThrow(
      new RangeError('AVAlignNet: audio tower must end at 1x1, got 80x32 -> 40x16 -> 20x8 -> 10x4 -> 5x2 -> 1x2'),
    );
  });

  test('refuses a stride over an axis of length 1, with the arithmetic', () => {
    const config = changed('visual_encoder', { downsample_factors: [4, 4, 3, 2] });
    expect(() => assertConfig('test', config)).toThrow(
      'AVAlignNet: visual tower must end at 1x1, got 48x48 -> 12x12 -> 3x3 -> 1x1, and block 3 cannot stride 2x2 there',
    );
  });

  test('refuses a last block below 256 channels, with the reason', () => {
    expect(() => assertConfig('test', changed('visual_encoder', { block_out_channels: [32, 64, 128, 64] }))).toThrow(
      'test: the last of visual_encoder.block_out_channels must be at least 256, got 64 ' +
        '(GroupNorm over 32 groups leaves 2 values per group at 1x1, which carry almost no information)',
    );
  });

  test.each<[string, Partial<TowerConfig>, string]>([
    ['channels that GroupNorm cannot group', { block_out_channels: [48, 64, 128, 256] }, 'multiples of 32'],
    ['lists of different lengths', { downsample_factors: [4, 2, 6] }, 'as long as block_out_channels (4), got 3'],
    ['attn_blocks of another length', { attn_blocks: [0, 1] }, 'visual_encoder.attn_blocks must be as long as'],
    ['attn_blocks other than 0 and 1', { attn_blocks: [0, 2, 0, 0] }, '0 or 1 each'],
    ['the pair [1, 1]', { downsample_factors: [4, [1, 1], 2, 6] }, 'the plain number 1 where nothing is strided'],
    ['factors that are not whole', { downsample_factors: [4, 2, 2, 1.5] }, 'whole numbers or pairs of them'],
    ['a dropout of 1', { dropout: 1 }, 'visual_encoder.dropout must be at least 0 and below 1, got 1'],
    [
      'channels that are no multiple of the frame count',
      { in_channels: 31 },
      'a multiple of config.input.frameCount (10), got 31',
    ],
    [
      'towers that end with different widths',
      { block_out_channels: [32, 64, 128, 512] },
      'must be 512, as in visual_encoder, got 256',
    ],
  ])('refuses %s', (_, change, message) => {
    expect(() => assertConfig('test', changed('visual_encoder', change))).toThrow(message);
  });

  test('refuses what is not a configuration', () => {
    expect(() => assertConfig('test', null)).toThrow('test: config must be an object, got null');
    expect(() => assertConfig('test', { ...LITE, input: undefined })).toThrow('config.input must be');
    expect(() => assertConfig('test', { ...LITE, input: { ...LITE.input, featureSteps: 0 } })).toThrow(
      'config.input.featureSteps',
    );
    expect(() => assertConfig('test', { input: LITE.input })).toThrow('config.visual_encoder must be an object');
  });

  test('takes a missing attn_blocks and dropout, as in the published 25-frame file', () => {
    const { attn_blocks: _, dropout: __, ...bare } = LITE.visual_encoder;
    expect(() => assertConfig('test', { ...LITE, visual_encoder: bare })).not.toThrow();
  });
});
