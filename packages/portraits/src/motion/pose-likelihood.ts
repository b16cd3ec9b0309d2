import * as tf from '@tensorflow/tfjs-core';

/** The smallest deviation that counts. */
const SMALLEST = 0.03;

/**
 * Negative log-likelihood of poses under the distribution that a network gives, the mean over all values: `½ ln 2π - n +
 * ½ ((x - μ) eⁿ)²`, `n = min(-ln σ, ln(1 / 0.03))`.
 *
 * @param output float32 `[batch, time, 1 + 2 · size]`: a weight without meaning, means, `-ln σ`; borrowed.
 * @param poses float32 `[batch, time, size]`, borrowed.
 * @returns float32 scalar. The caller disposes it.
 */
export function poseLoss(output: tf.Tensor3D, poses: tf.Tensor3D): tf.Scalar {
  return tf.tidy(() => {
    const [batch, time, size] = poses.shape;
    const means = tf.slice3d(output, [0, 0, 1], [batch, time, size]);
    const sharpness = tf.minimum(tf.slice3d(output, [0, 0, 1 + size], [batch, time, size]), -Math.log(SMALLEST));
    const away = tf.mul(tf.sub(poses, means), tf.exp(sharpness));
    const each = tf.sub(tf.mul(tf.square(away), 0.5), sharpness);
    return tf.add(tf.mean(each), 0.5 * Math.log(2 * Math.PI)) as tf.Scalar;
  });
}
