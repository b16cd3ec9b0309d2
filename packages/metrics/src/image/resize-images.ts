import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * How images are brought to a network's size:
 * - `bilinear`: PyTorch's `interpolate(mode='bilinear', align_corners=False)`: pixel centres, four neighbours even
 *   where it shrinks;
 * - `bilinear-tf1`: TensorFlow 1's `resize_bilinear`: output pixel i lies at `i · in / out`, without half pixels;
 * - `bilinear-antialias`: PyTorch's with `antialias=True`, where it shrinks a triangle as wide as an output pixel;
 * - `area`: OpenCV's `INTER_AREA`: the mean of what an output pixel covers; where a side grows, OpenCV's blend of
 *   neighbours.
 */
export type ResizeRule = 'bilinear' | 'bilinear-tf1' | 'bilinear-antialias' | 'area';

export const RESIZE_RULES: readonly ResizeRule[] = Object.freeze([
  'bilinear',
  'bilinear-tf1',
  'bilinear-antialias',
  'area',
]);

/** Weights of one axis: `[to, from]`, rows sum to 1. */
type Weights = (from: number, to: number) => Float32Array;

/**
 * Images in another size, aspect ratio ignored.
 *
 * Largest difference from PyTorch 1.13 and OpenCV 4.6 (float32), images in 0..1: 2e-6, see the test.
 *
 * @param images float32 `[batch, height, width, channel]`.
 * @returns float32 `[batch, to[0], to[1], channel]`. The caller disposes it.
 * @throws TypeError for another shape or rule, RangeError for a size that is not whole and above 0.
 * @example
 * const images = resizeImages(faces, [299, 299], 'bilinear');
 */
export function resizeImages(images: tf.Tensor4D, to: readonly [number, number], rule: ResizeRule): tf.Tensor4D {
  if (images.rank !== 4)
    fail(TypeError, 'resizeImages', 'images', 'of shape [batch, height, width, channel]', images.shape);
  if (!to.every((side) => Number.isSafeInteger(side) && side > 0)) {
    fail(RangeError, 'resizeImages', 'to', 'two whole numbers above 0', [...to]);
  }
  const [, height, width] = images.shape;
  if (!RESIZE_RULES.includes(rule)) fail(TypeError, 'resizeImages', 'rule', RESIZE_RULES.join(', '), rule);
  if (height === to[0] && width === to[1]) return tf.clone(images);
  if (rule === 'bilinear') return tf.image.resizeBilinear(images, [...to], false, true);
  if (rule === 'bilinear-tf1') return tf.image.resizeBilinear(images, [...to], false, false);
  if (rule === 'bilinear-antialias') return byWeights(images, to, triangleWeights);
  // OpenCV averages only where both sides shrink or stay.
  return byWeights(images, to, height >= to[0] && width >= to[1] ? areaWeights : blendWeights);
}

/** Both axes in turn as products of matrices. */
function byWeights(images: tf.Tensor4D, [height, width]: readonly [number, number], weights: Weights): tf.Tensor4D {
  const [batch, fromHeight, fromWidth, channels] = images.shape;
  return tf.tidy(() => {
    const rows = tf.tensor2d(weights(fromHeight, height), [height, fromHeight]);
    const columns = tf.tensor2d(weights(fromWidth, width), [width, fromWidth]);
    const byRow = tf.reshape(tf.transpose(images, [1, 0, 2, 3]), [fromHeight, batch * fromWidth * channels]);
    const high = tf.reshape(tf.matMul(rows, byRow), [height, batch, fromWidth, channels]);
    const byColumn = tf.reshape(tf.transpose(high, [2, 0, 1, 3]), [fromWidth, height * batch * channels]);
    const both = tf.reshape(tf.matMul(columns, byColumn), [width, height, batch, channels]);
    return tf.transpose<tf.Tensor4D>(both as tf.Tensor4D, [2, 1, 0, 3]);
  });
}

function triangleWeights(from: number, to: number): Float32Array {
  const scale = from / to;
  const reach = Math.max(1, scale);
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const centre = scale * (i + 0.5);
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const last = Math.min(from, Math.floor(centre + reach + 0.5));
    const own = Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    );
    const total = own.reduce((sum, value) => sum + value, 0);
    own.forEach((value, k) => (weights[i * from + first + k] = value / total));
  }
  return weights;
}

function areaWeights(from: number, to: number): Float32Array {
  const scale = from / to;
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const [start, end] = [i * scale, Math.min(from, (i + 1) * scale)];
    for (let j = Math.floor(start); j < Math.min(from, Math.ceil(end)); j++) {
      weights[i * from + j] = Math.max(0, Math.min(end, j + 1) - Math.max(start, j)) / (end - start);
    }
  }
  return weights;
}

function blendWeights(from: number, to: number): Float32Array {
  const scale = from / to;
  const weights = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const low = Math.min(from - 1, Math.floor(i * scale));
    const fraction = i + 1 - (low + 1) / scale;
    const share = low === from - 1 || fraction <= 0 ? 0 : fraction - Math.floor(fraction);
    weights[i * from + low] += 1 - share;
    if (share > 0) weights[i * from + low + 1] += share;
  }
  return weights;
}
