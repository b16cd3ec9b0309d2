import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { everyStep, samePadding, type Triple } from './conv3d';

type Pair = [number, number];
const pair = (value: number | Pair): Pair => (typeof value === 'number' ? [value, value] : value);

export type PoolOptions = {
  /** Pixels: one number for a square, or `[height, width]`. */
  kernelSize: number | Pair;
  /** Default `kernelSize`. */
  stride?: number | Pair;
  /** Pixels on both sides: one number, or `[top and bottom, left and right]`; at most half of the kernel. Default 0. */
  padding?: number | Pair;
};

/**
 * Padding before and after height and width of `x` `[batch, height, width, channels]`; with `ceil`, the last window may
 * reach beyond the padding.
 */
function poolSides(
  where: string,
  x: tf.Tensor,
  { kernelSize, stride = kernelSize, padding = 0 }: PoolOptions,
  ceil: boolean,
) {
  const [kernel, steps, pads] = [pair(kernelSize), pair(stride), pair(padding)];
  if (x.rank !== 4) fail(TypeError, where, 'x', 'of shape [batch, height, width, channels]', x.shape);
  for (const [axis, pad] of pads.entries()) {
    if (!(Number.isInteger(pad) && pad >= 0 && 2 * pad <= kernel[axis])) {
      fail(RangeError, where, 'padding', `whole numbers from 0 to half of the kernel (${kernel.join(', ')})`, pads);
    }
    if (x.shape[axis + 1] + 2 * pad < kernel[axis]) {
      fail(TypeError, where, 'x', `at least ${kernel.join(' x ')} with its padding`, x.shape);
    }
  }
  const sides = pads.map((pad, axis): Pair => {
    if (!ceil) return [pad, pad];
    const side = x.shape[axis + 1];
    let windows = Math.ceil((side + 2 * pad - kernel[axis]) / steps[axis]) + 1;
    if ((windows - 1) * steps[axis] >= side + pad) windows--; // a window must start inside
    return [pad, Math.max(pad, (windows - 1) * steps[axis] + kernel[axis] - side - pad)];
  });
  return { kernel, steps, sides };
}

/**
 * Largest value of each window; padding counts as minus infinity.
 *
 * Source: `torch.nn.functional.max_pool2d` (PyTorch 1.13), equal.
 *
 * @param x float32 `[batch, height, width, channels]`.
 * @param options `ceil`: whether a last, incomplete window counts. Default false.
 * @returns float32 `[batch, height', width', channels]`. The caller disposes it.
 * @example
 * const y = maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 });
 */
export function maxPool2d(x: tf.Tensor, options: PoolOptions & { ceil?: boolean }): tf.Tensor4D {
  const { kernel, steps, sides } = poolSides('maxPool2d', x, options, options.ceil ?? false);
  const pad = sides.flat().some((side) => side > 0)
    ? ([[0, 0], ...sides, [0, 0]] as Parameters<typeof tf.maxPool>[3])
    : 'valid';
  return tf.maxPool(x as tf.Tensor4D, kernel, steps, pad);
}

/**
 * Mean of each window; padding counts as zeros, or not at all.
 *
 * Source: `torch.nn.functional.avg_pool2d` (PyTorch 1.13), within 2e-7 of the largest value. Differentiable without
 * padding, or with padding that counts.
 *
 * @param x float32 `[batch, height, width, channels]`.
 * @param options `countPadding`: whether a window at the edge is divided by its whole size. Default true, as in
 *   PyTorch.
 * @returns float32 `[batch, height', width', channels]`. The caller disposes it.
 * @example
 * const y = avgPool2d(x, { kernelSize: 3, stride: 1, padding: 1, countPadding: false });
 */
export function avgPool2d(x: tf.Tensor, options: PoolOptions & { countPadding?: boolean }): tf.Tensor4D {
  const { kernel, steps, sides } = poolSides('avgPool2d', x, options, false);
  const { countPadding = true } = options;
  const image = x as tf.Tensor4D;
  if (!sides.flat().some((side) => side > 0)) return tf.avgPool(image, kernel, steps, 'valid');
  const around = [[0, 0], ...sides, [0, 0]] as [Pair, Pair, Pair, Pair];
  if (!countPadding) return tf.avgPool(image, kernel, steps, around);
  return tf.tidy(() => tf.avgPool(tf.pad(image, around), kernel, steps, 'valid'));
}

export type Pool3dOptions = {
  /** `[time, height, width]`. */
  kernelSize: Triple;
  /** Default `kernelSize`. */
  stride?: Triple;
  /** `[time, height, width]`, on both sides of each axis, or `same`: TensorFlow's SAME. Default none. */
  padding?: Triple | 'same';
};

/**
 * Largest value of each window of clips; padding counts as minus infinity.
 *
 * Source: `torch.nn.functional.max_pool3d` (PyTorch 1.13), equal.
 *
 * @param x float32 `[batch, time, height, width, channels]`.
 * @returns float32 `[batch, time', height', width', channels]`. The caller disposes it.
 * @example
 * const y = maxPool3d(x, { kernelSize: [1, 3, 3], stride: [1, 2, 2], padding: 'same' });
 */
export function maxPool3d(
  x: tf.Tensor,
  { kernelSize, stride = kernelSize, padding = [0, 0, 0] }: Pool3dOptions,
): tf.Tensor5D {
  if (x.rank !== 5) fail(TypeError, 'maxPool3d', 'x', 'of shape [batch, time, height, width, channels]', x.shape);
  const [batch, time, height, width, channels] = x.shape;
  const pads = kernelSize.map(
    (kernel, axis): Pair =>
      padding === 'same' ? samePadding(x.shape[axis + 1], kernel, stride[axis]) : [padding[axis], padding[axis]],
  );
  return tf.tidy(() => {
    const images = tf.reshape(x, [batch * time, height, width, channels]) as tf.Tensor4D;
    const around = [[0, 0], pads[1], pads[2], [0, 0]] as [Pair, Pair, Pair, Pair];
    const flat = tf.maxPool(images, [kernelSize[1], kernelSize[2]], [stride[1], stride[2]], around);
    let clip = tf.reshape(flat, [batch, time, flat.shape[1], flat.shape[2], channels]) as tf.Tensor5D;
    const [before, behind] = pads[0];
    if (before + behind > 0)
      clip = tf.pad(
        clip,
        [
          [0, 0],
          [before, behind],
          [0, 0],
          [0, 0],
          [0, 0],
        ],
        Number.NEGATIVE_INFINITY,
      );
    const steps = Math.floor((time + before + behind - kernelSize[0]) / stride[0]) + 1;
    let most = everyStep(clip, { first: 0, count: steps, step: stride[0] });
    for (let t = 1; t < kernelSize[0]; t++)
      most = tf.maximum(most, everyStep(clip, { first: t, count: steps, step: stride[0] }));
    return most;
  });
}
