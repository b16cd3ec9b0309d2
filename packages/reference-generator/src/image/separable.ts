import * as tf from '@tensorflow/tfjs-core';

/**
 * Applies a matrix to the rows of images and one to their columns: `y = rows · x · columnsᵀ` for each channel.
 *
 * Resizing and blurring are such matrices, borders included. Plain matrix products: the gradient is right on every
 * backend (tfjs's own gradient of a bilinear resize ignores where pixel centres are).
 *
 * @param x float32 `[n, height, width, channels]`, borrowed.
 * @param rows `[height', height]`, borrowed.
 * @param columns `[width', width]`, borrowed.
 * @returns float32 `[n, height', width', channels]`. The caller disposes it.
 */
export function applySeparable(x: tf.Tensor4D, rows: tf.Tensor2D, columns: tf.Tensor2D): tf.Tensor4D {
  const [n, height, width, channels] = x.shape;
  const [newHeight, newWidth] = [rows.shape[0], columns.shape[0]];
  return tf.tidy(() => {
    const lines = tf.reshape<tf.Rank.R3>(x, [n, height, width * channels]);
    const tall = tf.matMul(tf.reshape<tf.Rank.R3>(rows, [1, ...rows.shape]), lines);
    const places = tf.reshape<tf.Rank.R3>(tall, [n * newHeight, width, channels]);
    const wide = tf.matMul(tf.reshape<tf.Rank.R3>(columns, [1, ...columns.shape]), places);
    return tf.reshape(wide, [n, newHeight, newWidth, channels]) as tf.Tensor4D;
  });
}

/** Fills a matrix `[outSide, inSide]` from the weights that each output gives to inputs. The caller disposes it. */
export function matrixOf(
  outSide: number,
  inSide: number,
  weightsOf: (out: number) => [index: number, weight: number][],
) {
  const values = new Float32Array(outSide * inSide);
  for (let out = 0; out < outSide; out++) {
    for (const [index, weight] of weightsOf(out)) values[out * inSide + index] += weight;
  }
  return tf.tensor2d(values, [outSide, inSide]);
}
