import { frameShape } from '@lipsync/contracts';
import { describe, expect, test } from 'vitest';
import type { AVAlignNetConfig } from './config';
import { CONFIGURATIONS, LITE, lite, thesis } from './configurations';
import { assertRecipeFits, recipeOf } from './recipe-of';

describe('recipeOf', () => {
  test.each([
    ['syncnet_16_pixel', 16, 52],
    ['syncnet_16_pixel_attn', 16, 52],
    ['syncnet_25_pixel', 25, 80],
  ] as const)(
    '%s: LatentSync’s aligned face, its lower half of 128 x 256, and mel with zero padding',
    (name, frameCount, featureSteps) => {
      const recipe = recipeOf(CONFIGURATIONS[name]);
      expect(recipe).toEqual({
        frameCount,
        fps: 25,
        crop: { kind: 'aligned face', size: 256, rows: 'lower half' },
        color: 'RGB',
        range: [-1, 1],
        features: 'LATENTSYNC_MEL',
        featureSteps,
        loudness: 'none',
      });
      expect(frameShape(recipe.crop)).toEqual({ height: 128, width: 256 });
    },
  );

  test('syncnet_16_latent: all of the aligned face, as its VAE takes it', () => {
    const recipe = recipeOf(CONFIGURATIONS.syncnet_16_latent);
    expect(recipe).toMatchObject({ frameCount: 16, features: 'LATENTSYNC_MEL', featureSteps: 52 });
    expect(recipe.crop).toEqual({ kind: 'aligned face', size: 256, rows: 'all' });
  });

  test.each([
    ['thesis_5_128', CONFIGURATIONS.thesis_5_128],
    ['with attention', CONFIGURATIONS.thesis_15_64_attn],
    ['narrower', thesis({ frameCount: 10, size: 64, maxChannels: 512 })],
  ])('the thesis, %s: its mouth crop, sampled half a pixel off', (_, config) => {
    const { frameCount, height: size, featureSteps } = config.input;
    expect(recipeOf(config)).toEqual({
      frameCount,
      fps: 25,
      crop: { kind: 'dinet', size, upright: 'median of five', sampling: 'half pixel' },
      color: 'RGB',
      range: [-1, 1],
      features: 'THESIS_MEL',
      featureSteps,
      loudness: 'none',
    });
  });

  test('others of square frames: our similarity crop', () => {
    for (const config of [LITE, lite({ frameCount: 5, size: 64 })]) {
      const { height: size } = config.input;
      expect(recipeOf(config).crop).toEqual({
        kind: 'similarity',
        centre: 'mean 48-67',
        upright: 'eye centres',
        side: 1.18,
        size,
        window: 'clip median',
      });
      expect(recipeOf(config).features).toBe('THESIS_MEL');
    }
  });

  test('refuses frames of another shape', () => {
    const tall = { ...LITE, input: { ...LITE.input, height: 96 } };
    expect(() => recipeOf(tall)).toThrow('config.input must be square, or twice as wide as high, got 96 x 48');
  });

  test.each(Object.entries<AVAlignNetConfig>(CONFIGURATIONS))('fits %s', (name, config) => {
    const recipe = recipeOf(config);
    expect(assertRecipeFits('test', config, recipe, name === 'syncnet_16_latent')).toEqual(recipe);
  });
});

describe('assertRecipeFits', () => {
  const recipe = recipeOf(LITE);

  test('names what differs', () => {
    const fits = (change: object) => () => assertRecipeFits('test', LITE, { ...recipe, ...change });
    expect(fits({ frameCount: 5 })).toThrow('test: recipe.frameCount must be 10, as in the configuration, got 5');
    expect(fits({ featureSteps: 16 })).toThrow('recipe.featureSteps must be 32, as in the configuration, got 16');
    expect(fits({ features: 'SYNCNET_MFCC' })).toThrow(
      'recipe.features: bins must be 80, as in the configuration, got 13',
    );
    const crop = { kind: 'face box', size: 48, rows: 'lower half' };
    expect(fits({ crop })).toThrow('recipe.crop: rows must be 48, as in the configuration, got 24');
  });

  test('asks for an encoder where the visual tower takes latents', () => {
    const latent = CONFIGURATIONS.syncnet_16_latent;
    expect(() => assertRecipeFits('test', latent, recipeOf(latent))).toThrow(
      'test: options.encoder must be given with a recipe, as the visual tower takes 4 channels per frame',
    );
  });
});
