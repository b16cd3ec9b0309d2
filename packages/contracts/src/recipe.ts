import { fail } from './fail';
import type { MelRecipeName } from './audio';

/**
 * A square mouth crop placed by a similarity transform. With `s = max(eye distance, 0.95 · eye-to-mouth)` in pixels of the
 * source (eye distance: between the means of points 36-41 and 42-47; eye-to-mouth: from their middle to the mean of
 * points 48-67), the square has side `<number> * s`, is centred on the mouth and turned upright by the eye line.
 */
export type SimilarityCrop = {
  kind: 'similarity';
  centre: 'mean 48-67';
  upright: 'eye centres';
  /** Side in units of `s`; 1.18 shows the mouth and some of the chin. */
  side: `${number} * max(eye distance, 0.95 * eye-to-mouth)`;
  /** Pixels on a side. */
  size: number;
  /**
   * `clip median`: one crop for tracks of up to 40 frames (the median of centre, side and angle), a 25-frame moving
   * median and then a 9-frame mean for longer ones. `frame`: every frame its own.
   */
  window: 'clip median' | 'frame';
};

/**
 * The thesis's crop: the mouth box of a DINet head crop with one radius for the whole video (mean over windows, a
 * multiple of 4), turned upright by the median of five angles.
 */
export type DinetCrop = {
  kind: 'dinet';
  /** Side of the mouth box in pixels, 64 or 128 in the thesis. */
  size: number;
  /** `median of five`: turned upright a frame by the five reference pairs; `none`: as it stands. */
  upright: 'median of five' | 'none';
  /** `exact`: pixel centres; `half pixel`: the thesis's shift by half a pixel, which blurs a little. */
  sampling: 'exact' | 'half pixel';
};

/** What a network must be fed with: kept in its weights file, checked wherever the network is used. */
export type SyncRecipe = {
  /** Pictures in a window. */
  frames: number;
  /** Pictures per second. */
  fps: number;
  crop: SimilarityCrop | DinetCrop;
  color: 'RGB' | 'BGR';
  /** The values that 0 and 255 become. */
  range: readonly [number, number];
  mel: MelRecipeName;
  /** Mel time steps in a window. */
  melSteps: number;
};

/** `1.18` of `1.18 * max(eye distance, 0.95 * eye-to-mouth)`. */
export function cropSideFactor(crop: SimilarityCrop): number {
  const match = /^(\d+(?:\.\d+)?) \* max\(eye distance, 0\.95 \* eye-to-mouth\)$/.exec(crop.side);
  const factor = match ? Number(match[1]) : Number.NaN;
  if (!(factor > 0)) {
    fail(TypeError, 'cropSideFactor', 'crop.side', '"<number> * max(eye distance, 0.95 * eye-to-mouth)"', crop.side);
  }
  return factor;
}

/** Refuses a recipe that is not complete; use on what comes from a file. Returns it typed. */
export function assertSyncRecipe(where: string, value: unknown): SyncRecipe {
  const recipe = value as SyncRecipe;
  if (typeof recipe !== 'object' || recipe === null) fail(TypeError, where, 'recipe', 'an object', value);
  for (const key of ['frames', 'melSteps'] as const) {
    if (!(Number.isInteger(recipe[key]) && recipe[key] > 0)) {
      fail(RangeError, where, `recipe.${key}`, 'a whole number above 0', recipe[key]);
    }
  }
  if (!(recipe.fps > 0)) fail(RangeError, where, 'recipe.fps', 'above 0', recipe.fps);
  if (recipe.color !== 'RGB' && recipe.color !== 'BGR') {
    fail(TypeError, where, 'recipe.color', 'RGB or BGR', recipe.color);
  }
  if (!(Array.isArray(recipe.range) && recipe.range.length === 2 && recipe.range[0] < recipe.range[1])) {
    fail(TypeError, where, 'recipe.range', '[low, high] with low < high', recipe.range);
  }
  if (recipe.mel !== 'THESIS_MEL' && recipe.mel !== 'WAV2LIP_MEL') {
    fail(TypeError, where, 'recipe.mel', 'THESIS_MEL or WAV2LIP_MEL', recipe.mel);
  }
  assertCrop(where, recipe.crop);
  return recipe;
}

function assertCrop(where: string, crop: SyncRecipe['crop']): void {
  if (!(Number.isInteger(crop?.size) && crop.size > 0)) {
    fail(RangeError, where, 'recipe.crop.size', 'a whole number of pixels above 0', crop?.size);
  }
  // From a file, so wider than the type says.
  const field = (name: string, ...allowed: string[]) => {
    const value = (crop as Record<string, unknown>)[name] as string;
    if (!allowed.includes(value)) fail(TypeError, where, `recipe.crop.${name}`, `"${allowed.join('" or "')}"`, value);
  };
  field('kind', 'similarity', 'dinet');
  if (crop.kind === 'similarity') {
    cropSideFactor(crop);
    field('centre', 'mean 48-67');
    field('upright', 'eye centres');
    field('window', 'clip median', 'frame');
  } else {
    if (crop.size % 8 !== 0) fail(RangeError, where, 'recipe.crop.size', 'a multiple of 8', crop.size);
    field('upright', 'median of five', 'none');
    field('sampling', 'exact', 'half pixel');
  }
}

/** The names of what differs between two recipes, `crop.size` style, in a stable order; empty where they agree. */
export function recipeDifferences(a: SyncRecipe, b: SyncRecipe): string[] {
  const flat = (recipe: SyncRecipe) => {
    const { crop, ...rest } = recipe;
    const entries = [...Object.entries(rest), ...Object.entries(crop).map(([key, value]) => [`crop.${key}`, value])];
    return new Map(entries.map(([key, value]) => [key as string, JSON.stringify(value)]));
  };
  const [left, right] = [flat(a), flat(b)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  return names.filter((name) => left.get(name) !== right.get(name));
}
