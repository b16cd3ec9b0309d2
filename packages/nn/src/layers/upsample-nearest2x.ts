import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Doubles height and width, repeating each pixel. The gradient sums the repeats on every backend; tfjs's own is wrong on
 * `cpu`.
 *
 * Source: `torch.nn.Upsample(scale_factor=2)` (PyTorch 1.13), equal.
 *
 * @param x float32 `[batch, height, width, channels]`; borrowed.
 * @returns float32 `[batch, 2 height, 2 width, channels]`. The caller disposes it.
 * @throws TypeError for another rank.
 * @example
 * const y = upsampleNearest2x(tf.zeros([1, 3, 4, 8])); // [1, 6, 8, 8]
 */
export function upsampleNearest2x(x: tf.Tensor4D): tf.Tensor4D {
  if (x.rank !== 4) fail(TypeError, 'upsampleNearest2x', 'x', 'of shape [batch, height, width, channels]', x.shape);
  return tf.customGrad((image) => {
    const [, height, width] = (image as tf.Tensor4D).shape;
    return {
      value: tf.image.resizeNearestNeighbor(image as tf.Tensor4D, [2 * height, 2 * width]),
      gradFunc: (dy: tf.Tensor4D) => tf.tidy(() => tf.mul(tf.avgPool(dy, 2, 2, 'valid'), 4)),
    };
  })(x) as tf.Tensor4D;
}
