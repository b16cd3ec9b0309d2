import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Where an output pixel is sampled: `column' = a (column - cx) + b (row - cy) + cx + shiftX`, `row' = c (column - cx) + d
 * (row - cy) + cy + shiftY`, in pixels, `(cx, cy)` the middle of the image.
 */
export type AffineMap = { a: number; b: number; c: number; d: number; shiftX: number; shiftY: number };

/** The four pixels that each output pixel is made of, and their weights; outside the image: a row of zeros at its end. */
type Samples = { indices: Int32Array[]; weights: Float32Array[]; shape: [number, number, number, number] };

function samplesOf(shape: Samples['shape'], maps: readonly AffineMap[]): Samples {
  const [n, height, width] = shape;
  const size = n * height * width;
  const indices = Array.from({ length: 4 }, () => new Int32Array(size));
  const weights = Array.from({ length: 4 }, () => new Float32Array(size));
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  for (let i = 0; i < size; i++) {
    const { a, b, c, d, shiftX, shiftY } = maps[Math.floor(i / (height * width))];
    const [row, column] = [(Math.floor(i / width) % height) - cy, (i % width) - cx];
    const [x, y] = [a * column + b * row + cx + shiftX, c * column + d * row + cy + shiftY];
    const [left, top] = [Math.floor(x), Math.floor(y)];
    const first = Math.floor(i / (height * width)) * height * width;
    for (let corner = 0; corner < 4; corner++) {
      const [across, down] = [left + (corner & 1), top + (corner >> 1)];
      const inside = across >= 0 && across < width && down >= 0 && down < height;
      indices[corner][i] = inside ? first + down * width + across : size;
      weights[corner][i] = inside ? (1 - Math.abs(x - across)) * (1 - Math.abs(y - down)) : 0;
    }
  }
  return { indices, weights, shape };
}

/**
 * Rotates, scales and shifts images, bilinear, zero outside. Differentiable any number of times: the gradient of the
 * sampling is its transpose, and the gradient of that is the sampling.
 *
 * Source: `torch.nn.functional.grid_sample(mode='bilinear', padding_mode='zeros')`; largest difference 1e-7, see the
 * test.
 *
 * @param x float32 `[n, height, width, channels]`, borrowed.
 * @param maps one for each image.
 * @returns float32 like `x`. The caller disposes it.
 * @throws TypeError if the number of maps is not that of images.
 * @example
 * const turned = warpAffine(images, [{ a: 0, b: 1, c: -1, d: 0, shiftX: 0, shiftY: 0 }]); // by a quarter turn
 */
export function warpAffine(x: tf.Tensor4D, maps: readonly AffineMap[]): tf.Tensor4D {
  if (x.rank !== 4 || x.shape[0] !== maps.length)
    fail(TypeError, 'warpAffine', 'x', `[${maps.length}, height, width, channels] for as many maps`, x.shape);
  return linear(x, samplesOf(x.shape, maps), false);
}

/** The sampling, or its transpose; each is the gradient of the other. */
function linear(x: tf.Tensor4D, samples: Samples, transposed: boolean): tf.Tensor4D {
  return tf.customGrad((x) => ({
    value: tf.tidy(() => (transposed ? scattered : gathered)(x as tf.Tensor4D, samples)),
    gradFunc: (dy: tf.Tensor) => linear(dy as tf.Tensor4D, samples, !transposed),
  }))(x) as tf.Tensor4D;
}

function gathered(x: tf.Tensor4D, { indices, weights, shape }: Samples): tf.Tensor4D {
  const channels = shape[3];
  const rows = tf.concat<tf.Tensor2D>([tf.reshape(x, [-1, channels]), tf.zeros([1, channels])], 0);
  const parts = indices.map((index, corner) =>
    tf.mul(tf.gather(rows, tf.tensor1d(index, 'int32')), tf.tensor2d(weights[corner], [index.length, 1])),
  );
  return tf.reshape(tf.addN(parts), shape) as tf.Tensor4D;
}

function scattered(dy: tf.Tensor4D, { indices, weights, shape }: Samples): tf.Tensor4D {
  const rows = tf.reshape(dy, [-1, shape[3]]) as tf.Tensor2D;
  const size = rows.shape[0];
  const sums = indices.map((index, corner) => {
    const weighted = tf.mul<tf.Tensor2D>(rows, tf.tensor2d(weights[corner], [index.length, 1]));
    return tf.unsortedSegmentSum(weighted, tf.tensor1d(index, 'int32'), size + 1);
  });
  return tf.reshape(tf.slice(tf.addN(sums), [0, 0], [size, shape[3]]), shape) as tf.Tensor4D;
}
