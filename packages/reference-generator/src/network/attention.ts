import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { ReferenceAttention } from './config';

/**
 * The weight of each reference for each frame, by the audio of the frame: positive, of sum 1.
 *
 * `s_k = a · r_k`; `scaled`: `softmax(s / sqrt(length))`, `plus-sigmoid`: `softmax(sigmoid(s))`, `as-printed`:
 * `softmax(-sigmoid(s))`, `average`: `1 / references`.
 *
 * Source: the coursework's formula is `as-printed`; why the others: docs/decisions. Largest difference from PyTorch
 * below 1e-6, see the test.
 *
 * @param audio float32 `[clips, frames, length]`, borrowed.
 * @param references float32 `[clips, references, length]`, borrowed.
 * @returns float32 `[clips, frames, references]`. The caller disposes it.
 * @throws TypeError if the shapes do not fit.
 * @example
 * const weights = referenceWeights(tf.ones([1, 1, 4]), tf.zeros([1, 2, 4]), 'scaled'); // [[[0.5, 0.5]]]
 */
export function referenceWeights(
  audio: tf.Tensor3D,
  references: tf.Tensor3D,
  attention: ReferenceAttention,
): tf.Tensor3D {
  const [clips, frames, length] = audio.shape;
  const [kept, count, size] = references.shape;
  if (audio.rank !== 3 || references.rank !== 3 || kept !== clips || size !== length) {
    fail(TypeError, 'referenceWeights', 'references', `of shape [${clips}, references, ${length}]`, references.shape);
  }
  return tf.tidy(() => {
    if (attention === 'average') return tf.fill<tf.Rank.R3>([clips, frames, count], 1 / count);
    const similarity = tf.matMul(audio, references, false, true) as tf.Tensor3D;
    if (attention === 'scaled') return tf.softmax(tf.mul<tf.Tensor3D>(similarity, 1 / Math.sqrt(length)));
    const bounded = tf.sigmoid(similarity) as tf.Tensor3D;
    return tf.softmax<tf.Tensor3D>(attention === 'as-printed' ? tf.neg(bounded) : bounded);
  });
}

/**
 * A weighted sum over the references of each clip, for every frame of it.
 *
 * @param weights `[clips, frames, references]`, borrowed.
 * @param values `[clips · references, ...]`, borrowed.
 * @returns `[clips · frames, ...]`. The caller disposes it.
 */
export function mixReferences<T extends tf.Tensor>(weights: tf.Tensor3D, values: T): T {
  const [clips, frames, count] = weights.shape;
  return tf.tidy(() => {
    const rows = tf.reshape(values, [clips, count, -1]) as tf.Tensor3D;
    return tf.reshape(tf.matMul(weights, rows), [clips * frames, ...values.shape.slice(1)]) as T;
  });
}
