import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { fail, frameShape, storedShape } from '@lipsync/contracts';
import type { AugmentationDraw } from '../augmentation-draw';
import { NOISE_MASK, noiseTable } from '../noise-table';
import { sampleHeadWindow } from './head-window';
import { viewFraction } from './view-fraction';

export type MouthWindowOptions = {
  /** How the frames were cropped. */
  stored: StoredCrop;
  /** What the network wants. */
  recipe: Pick<SyncRecipe, 'frameCount' | 'crop' | 'color' | 'range'>;
  /** Of head frames, how far the face is turned in each of `frames`, radians clockwise: the last of the four numbers of its pose. */
  angles?: ArrayLike<number>;
  /** Variation for training; without it the plain view. */
  augmentation?: AugmentationDraw;
  /** Where to write; made where it is not given. */
  out?: Float32Array;
};

/** Where in a stored frame each pixel of the view, row by row, lies: index of the upper left of four neighbours, and their weights. */
export type View = { pixels: Int32Array; nextColumn: Uint8Array; nextRow: Int32Array; weights: Float32Array };

/**
 * Prepares sampling of the network's view from stored frames, the augmentation's geometry folded in.
 *
 * `stored (x, y) = A (x, y) + t` in coordinates -1..1 across the frame's outer edges, bilinear, the border repeated.
 *
 * Source: PyTorch's `affine_grid` and `grid_sample`, `align_corners=False`, `padding_mode='border'`.
 *
 * @returns undefined where stored frames are already what the network sees.
 */
export function makeView(
  stored: StoredCrop,
  wanted: SyncRecipe['crop'],
  view?: AugmentationDraw['view'],
): View | undefined {
  const fraction = viewFraction(stored, wanted);
  const { size } = wanted;
  const { height } = frameShape(wanted);
  const from = storedShape(stored).height; // square, or the view would have been refused
  if (fraction === 1 && from === size && height === size && !view) return undefined;
  const { scale = 1, aspect = 1, angle = 0, mirrored = false, across = 0, down = 0 } = view ?? {};
  const side = fraction * scale;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const mirror = mirrored ? -1 : 1;
  const [a, b] = [side * aspect * cos * mirror, -side * sin];
  const [c, d] = [side * sin * mirror, (side / aspect) * cos];
  const last = from - 1;
  const count = height * size;
  const result: View = {
    pixels: new Int32Array(count),
    nextColumn: new Uint8Array(count),
    nextRow: new Int32Array(count),
    weights: new Float32Array(count * 4),
  };
  for (let row = size - height, p = 0; row < size; row++) {
    const v = (2 * row + 1) / size - 1;
    for (let column = 0; column < size; column++, p++) {
      const u = (2 * column + 1) / size - 1;
      const x = Math.min(last, Math.max(0, ((a * u + b * v + across + 1) * from - 1) / 2));
      const y = Math.min(last, Math.max(0, ((c * u + d * v + down + 1) * from - 1) / 2));
      const left = Math.floor(x);
      const top = Math.floor(y);
      const fx = x - left;
      const fy = y - top;
      result.pixels[p] = (top * from + left) * 3;
      result.nextColumn[p] = left < last ? 3 : 0;
      result.nextRow[p] = top < last ? from * 3 : 0;
      result.weights[4 * p] = (1 - fx) * (1 - fy);
      result.weights[4 * p + 1] = fx * (1 - fy);
      result.weights[4 * p + 2] = (1 - fx) * fy;
      result.weights[4 * p + 3] = fx * fy;
    }
  }
  return result;
}

/** Samples one stored frame into channel group `slot` of `[size, size, slots * 3]`, values 0..255. */
export function sampleView(
  frame: Uint8Array,
  view: View | undefined,
  slot: number,
  slots: number,
  out: Float32Array,
): void {
  const stride = slots * 3;
  let to = slot * 3;
  if (!view) {
    for (let from = 0; from < frame.length; from += 3, to += stride) {
      out[to] = frame[from];
      out[to + 1] = frame[from + 1];
      out[to + 2] = frame[from + 2];
    }
    return;
  }
  const { pixels, nextColumn, nextRow, weights } = view;
  for (let p = 0, w = 0; p < pixels.length; p++, w += 4, to += stride) {
    const i = pixels[p];
    const j = i + nextColumn[p];
    const k = i + nextRow[p];
    const l = k + nextColumn[p];
    const wi = weights[w];
    const wj = weights[w + 1];
    const wk = weights[w + 2];
    const wl = weights[w + 3];
    out[to] = wi * frame[i] + wj * frame[j] + wk * frame[k] + wl * frame[l];
    out[to + 1] = wi * frame[i + 1] + wj * frame[j + 1] + wk * frame[k + 1] + wl * frame[l + 1];
    out[to + 2] = wi * frame[i + 2] + wj * frame[j + 2] + wk * frame[k + 2] + wl * frame[l + 2];
  }
}

/**
 * A window of frames for a visual tower.
 *
 * `[height, width, frames * 3]`, channel = frame · 3 + colour in the recipe's order, values in its range. Where the
 * stored crop is wider than the network's, its centre is resampled; of head frames, the mouth turned upright, as a generator's are. One
 * augmentation holds for the whole window.
 *
 * Source: resampling as PyTorch's `grid_sample(bilinear, border, align_corners=False)`: within 1e-5 of 0..255, turned and
 * mirrored views included (see the test).
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
  if (out.length !== length) fail(TypeError, 'cutMouthWindow', 'out', `${length} numbers long`, out.length);
  const window = frames.subarray(startFrame * bytes, (startFrame + recipe.frameCount) * bytes);
  if (stored.kind === 'dinet head' && recipe.crop.kind === 'dinet') {
    if (!options.angles) fail(TypeError, 'cutMouthWindow', 'angles', 'given for head frames', options.angles);
    const angles = Array.from({ length: recipe.frameCount }, (_, t) => options.angles![startFrame + t]);
    sampleHeadWindow(window, { stored, wanted: recipe.crop, angles, view: augmentation?.view }, out);
  } else {
    sampleWindow(window, bytes, makeView(stored, recipe.crop, augmentation?.view), out);
  }
  if (augmentation) varyColours(out, augmentation, recipe);
  else toRecipeValues(out, recipe);
  return out;
}

/** Samples all frames of a window, `[size, size, frames * 3]`, values 0..255: place by place, so that what is read and written lies together. */
function sampleWindow(frames: Uint8Array, bytes: number, view: View | undefined, out: Float32Array): void {
  const count = frames.length / bytes;
  if (!view) {
    for (let t = 0; t < count; t++) sampleView(frames.subarray(t * bytes, (t + 1) * bytes), view, t, count, out);
    return;
  }
  const { pixels, nextColumn, nextRow, weights } = view;
  const end = frames.length;
  for (let p = 0, w = 0, to = 0; p < pixels.length; p++, w += 4) {
    const right = nextColumn[p];
    const below = nextRow[p];
    const wi = weights[w];
    const wj = weights[w + 1];
    const wk = weights[w + 2];
    const wl = weights[w + 3];
    for (let i = pixels[p]; i < end; i += bytes, to += 3) {
      const j = i + right;
      const k = i + below;
      const l = k + right;
      out[to] = wi * frames[i] + wj * frames[j] + wk * frames[k] + wl * frames[l];
      out[to + 1] = wi * frames[i + 1] + wj * frames[j + 1] + wk * frames[k + 1] + wl * frames[l + 1];
      out[to + 2] = wi * frames[i + 2] + wj * frames[j + 2] + wk * frames[k + 2] + wl * frames[l + 2];
    }
  }
}

/** Contrast about the mean, brightness, gains, gray and noise, as in -1..1; 0..255 before, the recipe's values and colour order after. */
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
  // In runs without a look whether the table is at its end.
  for (let i = 0, n = noiseStarts[0]; i < window.length; ) {
    n &= NOISE_MASK;
    const end = i + Math.min(window.length - i, 3 * Math.floor((NOISE_MASK + 1 - n) / 3));
    for (; i < end; i += 3, n += 3) vary(i, n, n + 1, n + 2);
    if (i < window.length) vary(i, n & NOISE_MASK, (n + 1) & NOISE_MASK, (n + 2) & NOISE_MASK);
    i += 3;
    n += 3;
  }
}

/** 0..255 RGB to the recipe's range and colour order, in place. */
export function toRecipeValues(window: Float32Array, { color, range }: Pick<SyncRecipe, 'color' | 'range'>): void {
  const [low, high] = range;
  const slope = (high - low) / 255;
  for (let i = 0; i < window.length; i += 3) {
    const red = window[i] * slope + low;
    const blue = window[i + 2] * slope + low;
    window[i] = color === 'RGB' ? red : blue;
    window[i + 1] = window[i + 1] * slope + low;
    window[i + 2] = color === 'RGB' ? blue : red;
  }
}
