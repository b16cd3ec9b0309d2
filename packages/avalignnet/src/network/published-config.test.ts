import { describe, expect, test } from 'vitest';
import type { AVAlignNetConfig } from './config';
import { CONFIGURATIONS, STABLE_SYNCNET } from './configurations';
import { parameterShapes } from './parameter-shapes';
import { publishedConfig } from './published-config';

describe('publishedConfig', () => {
  test.each(Object.entries<AVAlignNetConfig>(STABLE_SYNCNET))('finds %s by its shapes', (_, config) => {
    expect(publishedConfig(parameterShapes(config))).toEqual(config);
  });

  test('takes the channels of the state dict', () => {
    const { syncnet_16_pixel_attn: full } = STABLE_SYNCNET;
    const narrow: AVAlignNetConfig = {
      ...full,
      visual_encoder: { ...full.visual_encoder, block_out_channels: [32, 32, 32, 32, 32, 64, 64, 256] },
      audio_encoder: { ...full.audio_encoder, block_out_channels: [32, 32, 32, 64, 64, 64, 256] },
    };
    expect(publishedConfig(parameterShapes(narrow))).toEqual(narrow);
  });

  test('finds none in the other configurations, and in shapes of something else', () => {
    for (const [name, config] of Object.entries<AVAlignNetConfig>(CONFIGURATIONS)) {
      if (!(name in STABLE_SYNCNET)) expect(publishedConfig(parameterShapes(config)), name).toBeUndefined();
    }
    expect(publishedConfig(new Map([['conv.weight', [1, 1]]]))).toBeUndefined();
    const attention = new Map([['visual_encoder.conv_in.weight', [64, 48, 3, 3]]]);
    expect(publishedConfig(attention)).toBeUndefined();
  });
});
