import * as tf from '@tensorflow/tfjs-core';
import { formulaNumbers } from '../../../../tests/support/formula-weights';

/**
 * `[count, height, width, 3]` in 0..1, squares of 8 x 8 pixels, as in reference/metrics-inception.py. The caller
 * disposes it.
 */
export function formulaImages(name: string, count: number, height: number, width: number): tf.Tensor4D {
  const [rows, columns] = [Math.ceil(height / 8), Math.ceil(width / 8)];
  const coarse = formulaNumbers(name, count * rows * columns * 3, 0, 1);
  const data = new Float32Array(count * height * width * 3);
  for (let image = 0, at = 0; image < count; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const from = ((image * rows + (y >> 3)) * columns + (x >> 3)) * 3;
        for (let colour = 0; colour < 3; colour++) data[at++] = coarse[from + colour];
      }
    }
  }
  return tf.tensor4d(data, [count, height, width, 3]);
}

/** Largest difference, in shares of the largest wanted number. */
export function relativeDifference(got: ArrayLike<number>, wanted: readonly number[]): number {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0) / largest;
}

/**
 * `[count, frames, height, width, 3]`, another pattern every second frame, as in reference/metrics-i3d.py. The caller
 * disposes it.
 */
export function formulaClips(
  name: string,
  count: number,
  frameCount: number,
  height: number,
  width: number,
): tf.Tensor5D {
  const patterns = Math.ceil(frameCount / 2);
  return tf.tidy(() => {
    const images = formulaImages(name, count * patterns, height, width);
    const clips = tf.reshape(images, [count, patterns, 1, height, width * 3]);
    const twice = tf.reshape(tf.concat([clips, clips], 2), [count, 2 * patterns, height, width, 3]) as tf.Tensor5D;
    return tf.slice(twice, [0, 0, 0, 0, 0], [count, frameCount, height, width, 3]);
  });
}
