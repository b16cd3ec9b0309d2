import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/**
 * A loss of a batch, and the mean distances of its pairs in sync and off; float32 scalars. A mean is NaN where there is
 * no such pair.
 */
export type DistanceLossParts = { loss: tf.Scalar; positiveDistance: tf.Scalar; negativeDistance: tf.Scalar };

const EPSILON = 1e-6; // PyTorch's pairwise_distance adds it to every difference

/**
 * Euclidean distance of each row's embeddings: `|v - a + 1e-6|`, as PyTorch's `pairwise_distance`.
 *
 * @param visual float32 `[batch, D]`, borrowed.
 * @param audio float32 `[batch, D]`, borrowed.
 * @returns float32 `[batch]`. The caller disposes it.
 * @throws TypeError if the shapes differ.
 * @example
 * const distances = pairDistance(net.encodeVisual(frames), net.encodeAudio(features));
 */
export function pairDistance(visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
  if (visual.rank !== 2 || visual.shape.join() !== audio.shape.join()) {
    fail(TypeError, 'pairDistance', 'audio', `of visual's shape [${visual.shape.join(', ')}]`, audio.shape);
  }
  return tf.tidy(() => tf.sqrt(tf.sum(tf.square(tf.add(tf.sub(visual, audio), EPSILON)), 1)) as tf.Tensor1D);
}

/**
 * SyncNet's contrastive loss: pairs in sync are drawn together, others pushed apart as far as the margin.
 *
 * `1 / 2N · sum of y d² + (1 - y) max(margin - d, 0)²`.
 *
 * Source: Chung and Zisserman 2016; margin 20 as the author states for the released network. Largest difference from
 * PyTorch 1.13 below 1e-5 of the loss and of each gradient's norm, see the test.
 *
 * @param visual float32 `[batch, D]`, borrowed.
 * @param audio float32 `[batch, D]`, borrowed.
 * @param labels `[batch]`, 1 in sync, 0 off, borrowed.
 * @returns three scalars. The caller disposes them.
 * @throws TypeError for shapes that do not agree, RangeError for a margin that is not above 0.
 * @example
 * const { loss } = contrastiveDistanceLoss(net.encodeVisual(frames), net.encodeAudio(features), labels, { margin: 20 });
 */
export function contrastiveDistanceLoss(
  visual: EmbeddingBatch,
  audio: EmbeddingBatch,
  labels: tf.Tensor1D,
  { margin = 20 }: { /** Distance beyond which a pair off sync adds nothing. Default 20. */ margin?: number } = {},
): DistanceLossParts {
  const where = 'contrastiveDistanceLoss';
  if (!(margin > 0)) fail(RangeError, where, 'margin', 'above 0', margin);
  if (labels.rank !== 1 || labels.size !== visual.shape[0]) {
    fail(TypeError, where, 'labels', `[${visual.shape[0]}]`, labels.shape);
  }
  return tf.tidy(() => {
    const distance = pairDistance(visual, audio);
    const inSync = tf.cast(labels, 'float32');
    const offSync = tf.sub<tf.Tensor1D>(1, inSync);
    const together = tf.mul(inSync, tf.square(distance));
    const apart = tf.mul(offSync, tf.square(tf.relu(tf.sub(margin, distance))));
    const mean = (mask: tf.Tensor1D) => tf.div(tf.sum(tf.mul(distance, mask)), tf.sum(mask)) as tf.Scalar;
    return {
      loss: tf.div(tf.mean(tf.add(together, apart)), 2) as tf.Scalar,
      positiveDistance: mean(inSync),
      negativeDistance: mean(offSync),
    };
  });
}
