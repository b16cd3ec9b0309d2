import { describe, expect, test } from 'vitest';
import { shapeFixture } from '../testing/fixture';
import type { AVAlignNetConfig } from './config';
import { CONFIGURATIONS, LITE, thesis } from './configurations';
import { countParameters, parameterShapes } from './parameter-shapes';

describe('parameterShapes', () => {
  const fixture = shapeFixture();

  test('lists the names and shapes of the published checkpoint, in the order of its state dict', () => {
    const shapes = parameterShapes(CONFIGURATIONS.syncnet_16_pixel_attn);
    expect([...shapes]).toEqual(Object.entries(fixture.syncnet_16_pixel_attn));
    expect(shapes.size).toBe(266);
    expect(shapes.get('visual_encoder.down_blocks.5.attn.to_q.weight')).toEqual([512, 512]);
  });

  test('has as many tensors per tower as the reference class', () => {
    for (const [name, config] of Object.entries<AVAlignNetConfig>(CONFIGURATIONS)) {
      const names = [...parameterShapes(config).keys()];
      const count = (tower: string) => names.filter((key) => key.startsWith(tower)).length;
      expect([count('visual_'), count('audio_')], name).toEqual([
        fixture.counts[name].visual.tensors,
        fixture.counts[name].audio.tensors,
      ]);
    }
  });
});

describe('countParameters', () => {
  test.each([
    ['syncnet_16_pixel', 243_702_144, 128_064_352],
    ['syncnet_16_pixel_attn', 267_327_360, 133_978_720],
    ['syncnet_16_latent', 33_375_360, 32_169_056],
    ['syncnet_25_pixel', 69_812_992, 33_929_152],
    ['thesis_5_64', 129_832_512, 128_064_352],
    ['thesis_10_64', 129_841_152, 128_064_352],
    ['thesis_15_64', 129_849_792, 128_064_352],
    ['thesis_5_128', 130_422_592, 128_064_352],
    ['thesis_10_128', 130_431_232, 128_064_352],
    ['thesis_15_128', 130_439_872, 128_064_352],
    ['lite', 2_018_560, 2_038_080],
  ] as const)('%s has %d visual and %d audio parameters', (name, visual, audio) => {
    expect(countParameters(CONFIGURATIONS[name])).toEqual({ visual, audio, total: visual + audio });
    const { counts } = shapeFixture();
    expect([counts[name].visual.parameters, counts[name].audio.parameters]).toEqual([visual, audio]);
  });

  test('depends on which block has the factor 1', () => {
    const base = thesis({ frameCount: 5, size: 64 });
    const last = { ...base.visual_encoder, downsample_factors: [2, 2, 2, 2, 2, 2, 1] };
    expect(countParameters({ ...base, visual_encoder: last }).visual).toBe(92_671_808);
    const latent = { ...base.visual_encoder, in_channels: 20, downsample_factors: [2, 2, 1, 2, 1, 2, 1] };
    expect(countParameters({ ...base, visual_encoder: latent }).visual).toBe(89_724_800);
  });

  test('takes a missing attn_blocks as none', () => {
    const { attn_blocks: _, ...bare } = LITE.visual_encoder;
    expect(countParameters({ ...LITE, visual_encoder: bare })).toEqual(countParameters(LITE));
  });
});
