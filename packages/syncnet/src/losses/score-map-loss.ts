import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Training loss of DINet's sync network on its score maps: the mean of `(score - y)²` over all places. Scores are
 * clamped to 0..1; the gradient passes the clamp unchanged.
 *
 * Source: DINet's loss for its generator, the squared difference of every place from 1. The target 0 for pairs off sync
 * and the clamp are derived from the advice in its issues: the network's own training was never published. Largest
 * difference from PyTorch 1.13 below 1e-5 of the loss, see the test.
 *
 * @param map float32 `[batch, height, width, 1]` of `DinetSyncNet.scoreMap`, borrowed.
 * @param labels `[batch]`, 1 in sync, 0 off, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError where there is not one label per map.
 * @example
 * const loss = scoreMapLoss(net.scoreMap(visual, audio), labels);
 */
export function scoreMapLoss(map: tf.Tensor4D, labels: tf.Tensor1D): tf.Scalar {
  if (map.rank !== 4 || labels.rank !== 1 || map.shape[0] !== labels.size) {
    fail(TypeError, 'scoreMapLoss', 'labels', `[${map.shape[0]}]`, labels.shape);
  }
  return tf.tidy(() => {
    const clamp = tf.customGrad((scores) => ({
      value: tf.clipByValue(scores as tf.Tensor4D, 0, 1),
      gradFunc: (dy: tf.Tensor4D) => tf.clone(dy),
    }));
    const clamped = clamp(map);
    const target = tf.reshape(tf.cast(labels, 'float32'), [-1, 1, 1, 1]);
    return tf.mean<tf.Scalar>(tf.square(tf.sub(clamped, target)));
  });
}
