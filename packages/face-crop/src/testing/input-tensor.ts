import * as tf from '@tensorflow/tfjs-core';

/** An image as the networks take it: `[1, size, size, 3]`, less the mean, divided by 255. */
export function inputTensor(image: Uint8Array, size: number, mean: readonly number[]): tf.Tensor4D {
  const values = Float32Array.from(image, (value, i) => (value - mean[i % 3]) / 255);
  return tf.tensor4d(values, [1, size, size, 3]);
}

/** As `checksum` of `reference/face-crop-networks.py`. */
export function checksum(image: Uint8Array): number {
  return image.reduce((total, value) => (Math.imul(total, 31) + value) >>> 0, 0);
}
