import { bandCorners, melFilterBank } from './mel-filter-bank';
import type { MelRecipe } from './mel-recipe';

/**
 * The filters without their zeros. Between two neighbouring corners one band rises and the one below falls, so a
 * magnitude is read once for both: magnitudes `edge[s] … edge[s + 1]` count `weight[2k]` for band `s` and
 * `weight[2k + 1]` for band `s - 1`.
 */
export type BandSlopes = { edge: Int32Array; weight: Float64Array };

/** The slopes of `melFilterBank(recipe)`. */
export function bandSlopes(recipe: MelRecipe): BandSlopes {
  const { weights, bins, frequencies } = melFilterBank(recipe);
  const edge = Int32Array.from(bandCorners(recipe), (hz) => {
    return Math.min(frequencies, Math.ceil((hz * recipe.fftSize) / recipe.sampleRate));
  });
  const weight = new Float64Array(2 * frequencies);
  for (let slope = 0; slope <= bins; slope++) {
    for (let k = edge[slope]; k < edge[slope + 1]; k++) {
      if (slope < bins) weight[2 * k] = weights[slope * frequencies + k];
      if (slope > 0) weight[2 * k + 1] = weights[(slope - 1) * frequencies + k];
    }
  }
  return { edge, weight };
}

/** `bands = filters · magnitude`. */
export function weighBands({ edge, weight }: BandSlopes, magnitude: Float64Array, bands: Float64Array): void {
  let rising = 0;
  for (let slope = 0; slope <= bands.length; slope++) {
    const end = edge[slope + 1];
    let up = 0;
    let down = 0;
    for (let k = edge[slope]; k < end; k++) {
      const value = magnitude[k];
      up += weight[2 * k] * value;
      down += weight[2 * k + 1] * value;
    }
    if (slope > 0) bands[slope - 1] = rising + down;
    rising = up;
  }
}
