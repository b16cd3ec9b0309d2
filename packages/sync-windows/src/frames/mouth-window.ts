import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { fail, frameShape, storedShape } from '@lipsync/contracts';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { NOISE_MASK, noiseTable } from '../augment/noise-table';
import { sampleHeadWindow } from './head-window';
import { makeView, sampleFrames, toRecipeValues } from './view';

export type MouthWindowOptions = {
  /** How the frames are cropped. */
  stored: StoredCrop;
  /** What the network takes. */
  recipe: Pick<SyncRecipe, 'frameCount' | 'crop' | 'color' | 'range'>;
  /**
   * Of head frames, how far the face is turned in each of `frames`, radians clockwise: the last of the four numbers of
   * its pose.
   */
  angles?: ArrayLike<number>;
  /** Augmentation for training; without it the plain view. */
  augmentation?: AugmentationDraw;
  /** Where to write; a new array where it is not given. */
  out?: Float32Array;
};

/**
 * A window of frames for a visual tower.
 *
 * `[height, width, frameCount * 3]`, channel = frame · 3 + colour in the recipe's order, values in its range. Where the
 * stored crop is wider than the network's, its centre is resampled; of head crops, the mouth box turned upright. One
 * augmentation holds for the whole window.
 *
 * Source: resampling as PyTorch's `grid_sample(bilinear, border, align_corners=False)`: within 1e-5 of 0..255, turned
 * and mirrored views included (see the test).
 *
 * @param frames `[count, size, size, 3]`, RGB, 0..255.
 * @param startFrame First frame of the window.
 * @returns float32, `options.out` where it is given.
 * @throws RangeError where the window leaves the clip; TypeError where the crops do not fit.
 * @example
 * const window = cutMouthWindow(clip.frames, 3, { stored: store.recipe.crop, recipe: expert.recipe });
 */
export function cutMouthWindow(frames: Uint8Array, startFrame: number, options: MouthWindowOptions): Float32Array {
  const { stored, recipe, augmentation } = options;
  const shape = storedShape(stored);
  const bytes = shape.height * shape.width * 3;
  const count = frames.length / bytes;
  if (!(Number.isInteger(startFrame) && startFrame >= 0 && startFrame + recipe.frameCount <= count)) {
    const rule = `0 to ${count - recipe.frameCount} (${count} frames, ${recipe.frameCount} in a window)`;
    fail(RangeError, 'cutMouthWindow', 'startFrame', rule, startFrame);
  }
  const { height, width } = frameShape(recipe.crop);
  const length = height * width * recipe.frameCount * 3;
  const out = options.out ?? new Float32Array(length);
  if (out.length !== length) fail(TypeError, 'cutMouthWindow', 'out', `${length} values long`, out.length);
  const window = frames.subarray(startFrame * bytes, (startFrame + recipe.frameCount) * bytes);
  if (stored.kind === 'dinet head' && recipe.crop.kind === 'dinet') {
    if (!options.angles) fail(TypeError, 'cutMouthWindow', 'angles', 'given for head frames', options.angles);
    const angles = Array.from({ length: recipe.frameCount }, (_, t) => options.angles![startFrame + t]);
    sampleHeadWindow(window, { stored, wanted: recipe.crop, angles, view: augmentation?.view }, out);
  } else {
    sampleFrames(window, recipe.frameCount, makeView(stored, recipe.crop, augmentation?.view), out);
  }
  if (augmentation) varyColours(out, augmentation, recipe);
  else toRecipeValues(out, recipe);
  return out;
}

/**
 * Contrast about the mean, brightness, gains, gray and noise, as in -1..1; 0..255 before, the recipe's values and
 * colour order after.
 */
function varyColours(
  window: Float32Array,
  { colour, noiseStarts }: AugmentationDraw,
  { color, range }: Pick<SyncRecipe, 'color' | 'range'>,
): void {
  const { contrast, brightness, gains, gray } = colour;
  let sum = 0;
  for (let i = 0; i < window.length; i++) sum += window[i];
  const mean = sum / window.length;
  // With x = v / 127.5 - 1: ((x - mean) · contrast + mean + brightness + 1) · gain - 1, written for v.
  const offset = mean * (1 - contrast) + brightness * 127.5;
  const slopes = gains.map((gain) => gain * contrast);
  const offsets = gains.map((gain) => gain * offset);
  const [r, g, b] = slopes;
  const [r0, g0, b0] = offsets;
  const noise = noiseTable();
  const sigma = colour.noise * 127.5;
  const [low, high] = range;
  const slope = (high - low) / 255;
  const [first, last] = color === 'RGB' ? [0, 2] : [2, 0];
  const vary = (i: number, n0: number, n1: number, n2: number) => {
    let red = window[i] * r + r0;
    let green = window[i + 1] * g + g0;
    let blue = window[i + 2] * b + b0;
    if (gray) red = green = blue = (red + green + blue) / 3;
    red += sigma * noise[n0];
    green += sigma * noise[n1];
    blue += sigma * noise[n2];
    red = red < 0 ? 0 : red > 255 ? 255 : red;
    green = green < 0 ? 0 : green > 255 ? 255 : green;
    blue = blue < 0 ? 0 : blue > 255 ? 255 : blue;
    window[i + first] = red * slope + low;
    window[i + 1] = green * slope + low;
    window[i + last] = blue * slope + low;
  };
  // In runs, so that the end of the table need not be checked for each pixel.
  for (let i = 0, n = noiseStarts[0]; i < window.length; ) {
    n &= NOISE_MASK;
    const end = i + Math.min(window.length - i, 3 * Math.floor((NOISE_MASK + 1 - n) / 3));
    for (; i < end; i += 3, n += 3) vary(i, n, n + 1, n + 2);
    if (i < window.length) vary(i, n & NOISE_MASK, (n + 1) & NOISE_MASK, (n + 2) & NOISE_MASK);
    i += 3;
    n += 3;
  }
}
