import type { Features, SyncRecipe } from '@lipsync/contracts';
import { assertFeatures, audioWindowStart, fail } from '@lipsync/contracts';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { NOISE_MASK, noiseTable } from '../augment/noise-table';

/** Options of `cutFeatureWindow`. */
export type FeatureWindowOptions = {
  recipe: Pick<SyncRecipe, 'fps' | 'featureSteps' | 'features' | 'frameCount'>;
  /** Augmentation for training; without it the plain window. */
  augmentation?: AugmentationDraw;
  /** Where to write; a new array where it is not given. */
  out?: Float32Array;
};

const LIMIT = 4; // mel features run from -4 to 4
const FLOOR_SPREAD = 0.6; // standard deviation of a noise floor's log power

/**
 * Feature steps `[steps, bins]` as an audio tower takes them, `[bins, steps]`.
 *
 * @returns `out`, float32.
 */
export function windowOfSteps(
  data: Float32Array,
  bins: number,
  out: Float32Array = new Float32Array(data.length),
): Float32Array {
  const width = data.length / bins;
  for (let bin = 0; bin < bins; bin++) {
    for (let step = 0; step < width; step++) out[bin * width + step] = data[step * bins + bin];
  }
  return out;
}

/**
 * The features of one window for an audio tower: `[bins, featureSteps]`; the network's input is `[bins, featureSteps,
 * 1]`.
 *
 * Starts at step `audioWindowStart(recipe, startFrame)` of features whose step 0 belongs to the clip's first frame.
 *
 * Source of the augmentation: PyTorch's `grid_sample` along the mel axis; within 1e-6 of -4..4 (see the test).
 *
 * @param features of a whole clip, `[steps, bins]`.
 * @returns float32, `options.out` where it is given.
 * @throws RangeError where the window leaves the clip.
 * @example
 * const window = cutFeatureWindow(clip.features, 3, { recipe: expert.recipe }); // 80 x 32
 */
export function cutFeatureWindow(features: Features, startFrame: number, options: FeatureWindowOptions): Float32Array {
  const { recipe, augmentation } = options;
  assertFeatures('cutFeatureWindow', features);
  const { data, bins, steps } = features;
  const width = recipe.featureSteps;
  let start = audioWindowStart(recipe, startFrame);
  if (!(start >= 0 && start + width <= steps)) {
    const rule = `one whose ${width} steps from ${start} on lie in the clip's ${steps}`;
    fail(RangeError, 'cutFeatureWindow', 'startFrame', rule, startFrame);
  }
  const out = options.out ?? new Float32Array(bins * width);
  if (out.length !== bins * width)
    fail(TypeError, 'cutFeatureWindow', 'out', `${bins * width} values long`, out.length);
  if (!augmentation) return windowOfSteps(data.subarray(start * bins, (start + width) * bins), bins, out);
  const { audio, noiseStarts } = augmentation;
  start = Math.min(steps - width, Math.max(0, start + audio.jitterSteps));
  for (let bin = 0; bin < bins; bin++) {
    // The mel axis runs -1..1 from edge to edge, as in grid_sample without aligned corners.
    const position = ((audio.scale * ((2 * bin + 1) / bins - 1) + audio.shift + 1) * bins - 1) / 2;
    const from = Math.min(bins - 1, Math.max(0, position));
    const low = Math.floor(from);
    const high = Math.min(bins - 1, low + 1);
    const part = from - low;
    // Gain and tilt are those of the bin before the stretch.
    const added = audio.gain + audio.tilt * ((2 * from) / (bins - 1) - 1);
    for (let step = 0; step < width; step++) {
      const at = (start + step) * bins;
      out[bin * width + step] = (1 - part) * data[at + low] + part * data[at + high] + added;
    }
  }
  const noise = noiseTable();
  const { floor } = audio;
  for (let i = 0; i < out.length; i++) {
    let value = out[i];
    if (floor !== undefined) {
      // Powers add: half the log of (e^(2 value) + e^(floor + spread)).
      const other = floor + FLOOR_SPREAD * noise[(noiseStarts[2] + i) & NOISE_MASK];
      value = (Math.max(2 * value, other) + Math.log1p(Math.exp(-Math.abs(2 * value - other)))) / 2;
    }
    value += audio.noise * noise[(noiseStarts[1] + i) & NOISE_MASK];
    out[i] = value < -LIMIT ? -LIMIT : value > LIMIT ? LIMIT : value;
  }
  return out;
}
