import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * DINet's loss on the maps of its sync network: the mean of `(score - y)²` over all places, scores clamped to 0..1 with their gradient kept.
 *
 * Source: what DINet asks of its generator, MSE of every place to 1; that pairs off sync are held to 0, and the clamp, are derived from the
 * advice in its issues (its training was never published). Largest difference from PyTorch 1.13 below 1e-5 of the loss, see the test.
 *
 * @param map `[batch, height, width, 1]` of `DinetSyncNet.scoreMap`, borrowed.
 * @param labels `[batch]`, 1 in sync, 0 off.
 * @returns float32 scalar. The caller disposes it.
 * @example
 * const loss = scoreMapLoss(net.scoreMap(vision, audio), labels);
 */
export function scoreMapLoss(map: tf.Tensor4D, labels: tf.Tensor1D): tf.Scalar {
  if (map.rank !== 4 || labels.rank !== 1 || map.shape[0] !== labels.size) {
    fail(TypeError, 'scoreMapLoss', 'labels', `[${map.shape[0]}]`, labels.shape);
  }
  return tf.tidy(() => {
    const clamp = tf.customGrad((scores) => ({
      value: tf.clipByValue(scores as tf.Tensor, 0, 1),
      gradFunc: (dy: tf.Tensor) => tf.clone(dy),
    }));
    const clamped = clamp(map);
    const target = tf.reshape(tf.cast(labels, 'float32'), [-1, 1, 1, 1]);
    return tf.mean<tf.Scalar>(tf.square(tf.sub(clamped, target)));
  });
}
