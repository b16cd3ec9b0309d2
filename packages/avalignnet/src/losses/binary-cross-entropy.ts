import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/** Cosines are kept this far from 0 and 1 before a logarithm is taken. */
const COSINE_MARGIN = 1e-7;

/** A cosine or similarity, clamped to `[1e-7, 1 - 1e-7]`; no gradient flows where it was outside. */
export function clampCosine<T extends tf.Tensor>(cosine: T): T {
  return tf.clipByValue(cosine, COSINE_MARGIN, 1 - COSINE_MARGIN) as T;
}

/**
 * Cosine of each frame window with the audio window in the same row: `s[b] = sum_d visual[b, d] · audio[b, d]`.
 *
 * @param visual unit embeddings, float32 `[batch, D]`, borrowed.
 * @param audio unit embeddings, float32 `[batch, D]`, borrowed.
 * @returns float32 `[batch]`, 0..1 for AVAlignNet's embeddings up to rounding. The caller disposes it.
 * @throws TypeError if the shapes differ.
 * @example
 * const cosines = pairCosine(visual, audio); // [batch]
 */
export function pairCosine(visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor1D {
  if (visual.rank !== 2 || visual.shape.join() !== audio.shape.join()) {
    fail(TypeError, 'pairCosine', 'audio', `of visual's shape [${visual.shape.join(', ')}]`, audio.shape);
  }
  return tf.tidy(() => tf.sum<tf.Tensor1D>(tf.mul(visual, audio), 1));
}

/**
 * Binary cross-entropy of cosines: `-mean(y ln s + (1 - y) ln(1 - s))`, `s` clamped to `[1e-7, 1 - 1e-7]`, in float32.
 *
 * Source: LatentSync and the thesis; the clamp is ours (the reference leaves it to PyTorch's log floor of -100, and
 * rounding can carry a cosine above 1). Largest difference from PyTorch 1.13: 2e-7 of the loss, see the test.
 *
 * @param cosine float32 `[batch]`, borrowed.
 * @param labels `[batch]`, 1 in sync, 0 off, borrowed.
 * @returns float32 scalar; the caller disposes it.
 * @throws TypeError if the lengths differ.
 * @example
 * const loss = tf.tidy(() => binaryCrossEntropy(net.score(frames, features), labels));
 */
export function binaryCrossEntropy(cosine: tf.Tensor1D, labels: tf.Tensor1D): tf.Scalar {
  if (cosine.rank !== 1 || labels.rank !== 1 || cosine.size !== labels.size) {
    fail(TypeError, 'binaryCrossEntropy', 'labels', `of cosine's shape [${cosine.shape.join(', ')}]`, labels.shape);
  }
  return tf.tidy(() => {
    const s = clampCosine(cosine);
    const y = tf.cast(labels, 'float32');
    const inSync = tf.mul(y, tf.log(s));
    const offSync = tf.mul(tf.sub(1, y), tf.log(tf.sub(1, s)));
    return tf.neg(tf.mean<tf.Scalar>(tf.add(inSync, offSync)));
  });
}
