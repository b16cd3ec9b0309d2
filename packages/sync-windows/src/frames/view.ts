import type { StoredCrop, SyncRecipe } from '@lipsync/contracts';
import { frameShape, storedShape } from '@lipsync/contracts';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { viewFraction } from './stored-crop';

/**
 * For each pixel of the network's frame, row by row: the upper left of its four neighbours in the stored frame, and
 * their weights.
 */
export type View = { pixels: Int32Array; nextColumn: Uint8Array; nextRow: Int32Array; weights: Float32Array };

/**
 * Prepares sampling of the network's frames from stored ones, with the geometry of an augmentation.
 *
 * `stored (x, y) = A (x, y) + t` in coordinates -1..1 across the frame's outer edges, bilinear, the border repeated.
 *
 * Source: PyTorch's `affine_grid` and `grid_sample`, `align_corners=False`, `padding_mode='border'`.
 *
 * @returns undefined where stored frames already are the network's.
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

/**
 * Samples stored frames, `[count, height, width, 3]`, into one window, `[height, width, count * 3]`, values 0..255.
 *
 * Pixel by pixel of the window, so that reads and writes of all frames lie together.
 *
 * @param view without one the stored frames are copied.
 */
export function sampleFrames(frames: Uint8Array, count: number, view: View | undefined, out: Float32Array): void {
  const bytes = frames.length / count;
  if (!view) {
    for (let pixel = 0, to = 0; pixel < bytes; pixel += 3) {
      for (let i = pixel; i < frames.length; i += bytes, to += 3) {
        out[to] = frames[i];
        out[to + 1] = frames[i + 1];
        out[to + 2] = frames[i + 2];
      }
    }
    return;
  }
  const { pixels, nextColumn, nextRow, weights } = view;
  for (let p = 0, w = 0, to = 0; p < pixels.length; p++, w += 4) {
    const right = nextColumn[p];
    const below = nextRow[p];
    const wi = weights[w];
    const wj = weights[w + 1];
    const wk = weights[w + 2];
    const wl = weights[w + 3];
    for (let i = pixels[p]; i < frames.length; i += bytes, to += 3) {
      const j = i + right;
      const k = i + below;
      const l = k + right;
      out[to] = wi * frames[i] + wj * frames[j] + wk * frames[k] + wl * frames[l];
      out[to + 1] = wi * frames[i + 1] + wj * frames[j + 1] + wk * frames[k + 1] + wl * frames[l + 1];
      out[to + 2] = wi * frames[i + 2] + wj * frames[j + 2] + wk * frames[k + 2] + wl * frames[l + 2];
    }
  }
}

/** Brings RGB values 0..255 to the recipe's range and colour order, in place. */
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
