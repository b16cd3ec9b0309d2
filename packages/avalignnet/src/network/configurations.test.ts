import { describe, expect, test } from 'vitest';
import { shapeFixture } from '../testing/fixture';
import type { AVAlignNetConfig } from './config';
import { CONFIGURATIONS, LITE, lite, thesis } from './configurations';
import { countParameters } from './parameter-shapes';
import { assertConfig, towerSizes } from './tower-sizes';

describe('named configurations', () => {
  const { counts } = shapeFixture();

  test('equal those of the reference program, which were typed from the published files', () => {
    expect(Object.keys(CONFIGURATIONS).sort()).toEqual(Object.keys(counts).sort());
    for (const [name, { visual_encoder, audio_encoder }] of Object.entries(CONFIGURATIONS)) {
      expect({ visual_encoder, audio_encoder }, name).toEqual(counts[name].config);
    }
  });

  test.each(Object.entries<AVAlignNetConfig>(CONFIGURATIONS))(
    '%s is accepted: both towers end at 1x1',
    (name, config) => {
      expect(assertConfig(name, config)).toEqual(config);
      expect(towerSizes('visual', config.visual_encoder, config.input).at(-1)).toEqual({ height: 1, width: 1 });
    },
  );
});

describe('thesis', () => {
  test.each([
    [512, 45_591_200],
    [1024, 122_153_632],
    [2048, 258_486_944],
  ])('capped at %d channels has %d parameters at 5 frames of 128 pixels', (maxChannels, parameters) => {
    const config = thesis({ frameCount: 5, size: 128, maxChannels });
    expect(countParameters(config).total).toBe(parameters);
    expect(config.visual_encoder.block_out_channels.at(-1)).toBe(maxChannels);
  });

  test('has attention after audio blocks 3 and 4 and visual blocks 4 and 5', () => {
    const { visual_encoder, audio_encoder } = thesis({ frameCount: 5, size: 128, attention: true });
    expect(audio_encoder.attn_blocks).toEqual([0, 0, 0, 1, 1, 0, 0]);
    expect(visual_encoder.attn_blocks).toEqual([0, 0, 0, 0, 1, 1, 0]);
  });

  test('refuses other frame counts and sizes', () => {
    expect(() => thesis({ frameCount: 7 as 5, size: 64 })).toThrow('thesis: frameCount must be 5, 10 or 15, got 7');
    expect(() => thesis({ frameCount: 5, size: 96 as 64 })).toThrow('thesis: size must be 64 or 128, got 96');
  });
});

describe('lite', () => {
  test('is LITE by default: 10 frames of 48 x 48', () => {
    expect(lite()).toEqual(LITE);
    expect(LITE.input).toEqual({ frameCount: 10, height: 48, width: 48, featureSteps: 32 });
  });

  test('ends at 1x1 for every size from 32 to 256 and every frame count from 5 to 50', () => {
    for (let size = 32; size <= 256; size++) assertConfig('test', lite({ size, attention: size % 2 === 0 }));
    for (let frameCount = 5; frameCount <= 50; frameCount++) assertConfig('test', lite({ frameCount }));
  });

  test('has one attention block per tower, before the last block', () => {
    const { visual_encoder, audio_encoder } = lite({ attention: true });
    expect(visual_encoder.attn_blocks).toEqual([0, 0, 1, 0]);
    expect(audio_encoder.attn_blocks).toEqual([0, 0, 0, 1, 0]);
  });

  test('refuses windows and crops that are too small', () => {
    expect(() => lite({ frameCount: 4 })).toThrow('lite: frameCount must be a whole number of at least 5, got 4');
    expect(() => lite({ size: 31 })).toThrow('lite: size must be a whole number of at least 32, got 31');
  });
});
