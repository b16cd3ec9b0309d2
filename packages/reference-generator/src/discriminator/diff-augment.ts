import { fail } from '@lipsync/contracts';
import type { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { type AffineMap, warpAffine } from './warp-affine';

/** How real and generated windows are changed before the discriminator sees them. */
export type DiffAugmentOptions = {
  /** Largest rotation, degrees. Default 10. */
  rotate?: number;
  /** Largest change of size, a share. Default 0.1. */
  scale?: number;
  /** Largest shift, a share of the side. Default 0.1. */
  shift?: number;
  /**
   * `erase`: a random box is black; `minimum`: each pixel is the least of its 3 x 3 neighbours (morphological erosion);
   * `none`. Default `erase`.
   */
  erosion?: 'erase' | 'minimum' | 'none';
  /** Chance that a window is eroded. Default 0.5. */
  chance?: number;
};

/** A box of pixels, `[top, bottom)` and `[left, right)`. */
type Box = { top: number; bottom: number; left: number; right: number };

/** A drawn change of one window. */
export type WindowChange = { map: AffineMap; erase?: Box; minimum: boolean };

/**
 * Draws the change of each window: sizes and rotations uniform in their ranges, the box of `erase` a quarter to a half of
 * each side.
 *
 * @param shape `[n, height, width, channels]` of the windows.
 * @returns one for each window, for `changeWindows`.
 * @throws RangeError for options out of range.
 * @example
 * const changes = drawChanges(windows.shape, { random: new Random(seed, step) });
 */
export function drawChanges(
  [n, height, width]: readonly number[],
  {
    random,
    rotate = 10,
    scale = 0.1,
    shift = 0.1,
    erosion = 'erase',
    chance = 0.5,
  }: DiffAugmentOptions & { random: Random },
): WindowChange[] {
  for (const [name, value] of Object.entries({ scale, shift, chance })) {
    if (!(value >= 0 && value <= 1)) fail(RangeError, 'drawChanges', name, 'from 0 to 1', value);
  }
  if (!(rotate >= 0 && rotate <= 180)) fail(RangeError, 'drawChanges', 'rotate', 'from 0 to 180', rotate);
  if (!['erase', 'minimum', 'none'].includes(erosion))
    fail(TypeError, 'drawChanges', 'erosion', 'erase, minimum or none', erosion);
  const span = (side: number) => {
    const length = Math.max(1, Math.round(side * random.uniform(0.25, 0.5)));
    const start = random.integer(side - length + 1);
    return [start, start + length];
  };
  return Array.from({ length: n }, () => {
    const angle = (random.uniform(-rotate, rotate) * Math.PI) / 180;
    const size = 1 / (1 + random.uniform(-scale, scale));
    const [cos, sin] = [size * Math.cos(angle), size * Math.sin(angle)];
    const [shiftX, shiftY] = [width, height].map((side) => side * random.uniform(-shift, shift));
    const map = { a: cos, b: sin, c: -sin, d: cos, shiftX, shiftY };
    const [[top, bottom], [left, right]] = [span(height), span(width)];
    const eroded = random.uniform() < chance;
    const erase = eroded && erosion === 'erase' ? { top, bottom, left, right } : undefined;
    return { map, erase, minimum: eroded && erosion === 'minimum' };
  });
}

/**
 * Applies drawn changes, differentiably (twice where R1 asks for it), so that the discriminator does not learn single
 * frames by heart and the generator does not learn to make changed ones.
 *
 * Source: Zhao et al. 2020, differentiable augmentation; the coursework names a random affine transform and erosion.
 *
 * @param x float32 `[n, height, width, channels]`, borrowed.
 * @returns float32 like `x`. The caller disposes it.
 * @throws TypeError if the number of changes is not that of windows.
 * @example
 * const seen = changeWindows(windows, drawChanges(windows.shape, { random: new Random(seed, step) }));
 */
export function changeWindows(x: tf.Tensor4D, changes: readonly WindowChange[]): tf.Tensor4D {
  return tf.tidy(() => {
    const moved = warpAffine(
      x,
      changes.map(({ map }) => map),
    );
    const kept = tf.mul<tf.Tensor4D>(moved, keptPixels(x.shape, changes));
    if (!changes.some(({ minimum }) => minimum)) return kept;
    const share = tf.tensor4d(
      changes.map(({ minimum }) => Number(minimum)),
      [x.shape[0], 1, 1, 1],
    );
    return tf.add<tf.Tensor4D>(kept, tf.mul(share, tf.sub(leastOfNeighbours(kept), kept)));
  });
}

/** 0 in the boxes that are erased, 1 elsewhere: `[n, height, width, 1]`. */
function keptPixels([n, height, width]: readonly number[], changes: readonly WindowChange[]): tf.Tensor4D {
  const kept = new Float32Array(n * height * width).fill(1);
  for (const [i, { erase }] of changes.entries()) {
    if (!erase) continue;
    for (let row = erase.top; row < erase.bottom; row++) {
      const start = (i * height + row) * width;
      kept.fill(0, start + erase.left, start + erase.right);
    }
  }
  return tf.tensor4d(kept, [n, height, width, 1]);
}

/** The least of 3 x 3 pixels, those outside not counted; rows, then columns. */
function leastOfNeighbours(x: tf.Tensor4D): tf.Tensor4D {
  return [1, 2].reduce((y, axis) => {
    const side = y.shape[axis];
    const part = (start: number, size: number) =>
      tf.slice(
        y,
        y.shape.map((_, i) => (i === axis ? start : 0)),
        y.shape.map((length, i) => (i === axis ? size : length)),
      );
    // The outermost pixel is its own neighbour outside.
    const before = tf.concat([part(0, 1), part(0, side - 1)], axis);
    const after = tf.concat([part(1, side - 1), part(side - 1, 1)], axis);
    return tf.minimum(tf.minimum(y, before), after) as tf.Tensor4D;
  }, x);
}
