import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { clampCosine } from './binary-cross-entropy';
import { clipPairs } from './clip-pairs';

export type BalancedCrossEntropyOptions = {
  /** Clip index of each row. */
  clips: readonly number[];
  /** Weight of the negatives from the same clip, 0..1; the rest belongs to those from other clips. Default 0.7. */
  sameClipShare?: number;
};

/**
 * Binary cross-entropy over all pairs of a batch, positives and negatives half each: `-½ mean ln s[b, b] - ½ (0.7 mean
 * ln(1 - s[same clip]) + 0.3 mean ln(1 - s[other clips]))`, `s = visual · audioᵀ` clamped.
 *
 * Beside `contrastiveLoss` it sets the decision threshold to a cosine of 0.5. Where a batch has only one kind of
 * negatives, they have the whole half.
 *
 * Ours. Largest difference from PyTorch 1.13: 2e-7 of the loss, see the test.
 *
 * @param visual unit embeddings, float32 `[batch, D]`, borrowed; row b belongs to row b of `audio`.
 * @param audio unit embeddings, float32 `[batch, D]`, borrowed.
 * @returns float32 scalar; the caller disposes it.
 * @throws RangeError if the batch has fewer than two rows, or `clips` not one entry per row.
 * @example
 * const loss = balancedCrossEntropy(visual, audio, { clips: [0, 0, 1, 1] });
 */
export function balancedCrossEntropy(
  visual: EmbeddingBatch,
  audio: EmbeddingBatch,
  options: BalancedCrossEntropyOptions,
): tf.Scalar {
  const { clips, sameClipShare = 0.7 } = options;
  const where = 'balancedCrossEntropy';
  if (!(sameClipShare >= 0 && sameClipShare <= 1))
    fail(RangeError, where, 'sameClipShare', 'from 0 to 1', sameClipShare);
  const { rows, sameClip, sameClipNegatives, otherClipNegatives } = clipPairs(where, clips, visual.shape[0]);
  if (rows < 2) fail(RangeError, where, 'the batch', 'of two rows at least', rows);
  const share = otherClipNegatives === 0 ? 1 : sameClipNegatives === 0 ? 0 : sameClipShare;
  const positive = new Float32Array(rows * rows);
  const negative = new Float32Array(rows * rows);
  for (let index = 0; index < rows * rows; index++) {
    if (index % (rows + 1) === 0) positive[index] = -0.5 / rows;
    else
      negative[index] = sameClip[index]
        ? (-0.5 * share) / sameClipNegatives
        : (-0.5 * (1 - share)) / otherClipNegatives;
  }
  return tf.tidy(() => {
    const s = clampCosine(tf.matMul(visual, audio, false, true));
    const inSync = tf.mul(tf.log(s), tf.tensor2d(positive, [rows, rows]));
    const offSync = tf.mul(tf.log(tf.sub(1, s)), tf.tensor2d(negative, [rows, rows]));
    return tf.sum<tf.Scalar>(tf.add(inSync, offSync));
  });
}
