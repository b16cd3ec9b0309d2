import type { SyncCrop, SyncRecipe } from '@lipsync/contracts';
import { AUDIO_FEATURES, assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import { type AVAlignNetConfig, channelsPerFrame, MEL_BINS } from './config';
import { isThesis } from './configurations';

/** Pixels on a side of the frame that LatentSync's VAE turns into one latent. */
const PIXELS_PER_LATENT = 8;

/**
 * Whether a configuration takes latents, or the lower half of a face: inputs that only StableSyncNet has, so its recipe
 * is known.
 */
export function isStableSyncNet(config: AVAlignNetConfig): boolean {
  const { height, width } = config.input;
  return channelsPerFrame(config) === 4 || width === 2 * height;
}

/**
 * The recipe that fits a configuration: how frames and audio are prepared for it.
 *
 * - StableSyncNet (frames twice as wide as high, or latents): LatentSync's aligned face of 256 pixels, its lower half
 *   for pixels and all of it for latents, with `LATENTSYNC_MEL`.
 * - The thesis's (`thesis()`): its mouth crop. DINet's mouth box with one radius for the video, turned upright by the
 *   median of five angles, sampled half a pixel off as published, black outside the frame; `THESIS_MEL`.
 * - Other square frames: our similarity crop around the mouth, with `THESIS_MEL`.
 *
 * All take RGB in -1..1 at 25 frames per second, and audio as loud as it is; networks of `trainExpert` bring it to
 * `SPEECH_LOUDNESS` of @lipsync/contracts.
 *
 * @throws RangeError for frames of another shape.
 * @example
 * const net = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
 */
export function recipeOf(config: AVAlignNetConfig): SyncRecipe {
  const { frameCount, featureSteps } = config.input;
  return {
    frameCount,
    fps: 25,
    crop: cropOf(config),
    color: 'RGB',
    range: [-1, 1],
    features: isStableSyncNet(config) ? 'LATENTSYNC_MEL' : 'THESIS_MEL',
    featureSteps,
    loudness: 'none',
  };
}

function cropOf(config: AVAlignNetConfig): SyncCrop {
  const { height, width } = config.input;
  const square = height === width;
  if (channelsPerFrame(config) === 4 && square) {
    return { kind: 'aligned face', size: PIXELS_PER_LATENT * height, rows: 'all' };
  }
  if (channelsPerFrame(config) === 3 && width === 2 * height) {
    return { kind: 'aligned face', size: width, rows: 'lower half' };
  }
  if (!square) {
    fail(RangeError, 'recipeOf', 'config.input', 'square, or twice as wide as high', `${height} x ${width}`);
  }
  if (isThesis(config)) return { kind: 'dinet', size: height, upright: 'median of five', sampling: 'half pixel' };
  return {
    kind: 'similarity',
    centre: 'mean 48-67',
    upright: 'eye centres',
    side: 1.18,
    size: height,
    window: 'clip median',
  };
}

/**
 * Refuses a recipe that prepares something else than the network takes; names each size that differs. Returns it typed.
 *
 * @param encoded whether an encoder stands between the recipe's frames and the visual tower.
 * @throws RangeError for another size, TypeError for a network of latents without an encoder.
 * @example
 * assertRecipeFits('open', LITE, recipeOf(LITE));
 */
export function assertRecipeFits(where: string, config: AVAlignNetConfig, value: unknown, encoded = false): SyncRecipe {
  const recipe = assertSyncRecipe(where, value);
  const { frameCount, height, width, featureSteps, melBins = MEL_BINS } = config.input;
  const channels = channelsPerFrame(config);
  if (!encoded && channels !== 3) {
    const rule = `given with a recipe, as the visual tower takes ${channels} channels per frame and the recipe has 3 colours`;
    fail(TypeError, where, 'options.encoder', rule, undefined);
  }
  const shape = frameShape(recipe.crop);
  const sizes: [string, number, number][] = [
    ['frameCount', recipe.frameCount, frameCount],
    ['featureSteps', recipe.featureSteps, featureSteps],
    ['features: bins', AUDIO_FEATURES[recipe.features].bins, melBins],
    ...(encoded
      ? []
      : ([
          ['crop: rows', shape.height, height],
          ['crop: columns', shape.width, width],
        ] as [string, number, number][])),
  ];
  for (const [key, given, wanted] of sizes) {
    if (given !== wanted) fail(RangeError, where, `recipe.${key}`, `${wanted}, as in the configuration`, given);
  }
  return recipe;
}
