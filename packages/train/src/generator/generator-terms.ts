import type { MouthBatch } from '@lipsync/contracts/tensors';
import type { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Faces `[rows * frameCount, height, width, 3]`, RGB in 0..1, to the expert's input, with gradients:
 * `ImageProcessor.mouths` and `syncInput`.
 */
export type MouthInput = (generated: tf.Tensor4D, angles: tf.Tensor1D) => MouthBatch;

/**
 * A discriminator of single frames: a `DinetDiscriminator`, or any module that gives a map of raw scores, of any rank.
 */
export type TrainedDiscriminator = Module & { forward(frames: tf.Tensor4D): tf.Tensor };

/** A discriminator of windows of `frameCount` frames, which lie one after the other on the channels. */
export type ClipDiscriminator = TrainedDiscriminator & { readonly frameCount: number };

/** The terms of the generator's loss. */
export type Term = 'perceptual' | 'gan' | 'ganClip' | 'sync' | 'image';

/** A term of the generator's loss and its weight, above 0. */
export type LossTerm = { name: Term; value: tf.Scalar; weight: number };

/** The terms of a loss, in the order in which they are added up. */
export class LossTerms {
  readonly list: LossTerm[] = [];

  /** Adds a term, which is computed only where it weighs something. */
  add(name: Term, weight: number, value: () => tf.Scalar): void {
    if (weight > 0) this.list.push({ name, value: value(), weight });
  }
}

/**
 * The terms of the generator's loss on some rows, and the gradient of their weighted sum with respect to the generated
 * frames.
 *
 * @param termsOf the terms, functions of the frames that it gets.
 * @param generated `[rows * frameCount, height, width, 3]`, borrowed.
 * @returns scalars by name, with `generator` for the weighted sum, and float32 `byGenerated` of the frames' shape;
 *   all the caller's.
 */
export function lossByGenerated(
  termsOf: (generated: tf.Tensor4D) => LossTerm[],
  generated: tf.Tensor4D,
): { terms: Map<Term | 'generator', tf.Scalar>; byGenerated: tf.Tensor4D } {
  const terms = new Map<Term | 'generator', tf.Scalar>();
  let refusal: unknown;
  const { value, grad } = tf.valueAndGrad((frames) => {
    try {
      const made = termsOf(frames as tf.Tensor4D);
      for (const { name, value } of made) terms.set(name, tf.keep(tf.clone(value)));
      // The last term is 0, but a function of the frames where all weights are 0, too.
      return tf.addN([...made.map(({ value, weight }) => tf.mul(value, weight)), tf.mul(tf.sum(frames), 0)]);
    } catch (error) {
      // Thrown through tfjs, the error would leave all maps of the forward pass behind: it frees them after a backward
      // pass only.
      refusal = error;
      return tf.sum(frames);
    }
  })(generated);
  if (refusal !== undefined) {
    tf.dispose([value, grad, ...terms.values()]);
    throw refusal;
  }
  terms.set('generator', value as tf.Scalar);
  return { terms, byGenerated: grad as tf.Tensor4D };
}

/** Frames `[n, height, width, 3]` as windows of the clip discriminator, `[n / length, height, width, length * 3]`. */
export function clipWindows(frames: tf.Tensor4D, length: number): tf.Tensor4D {
  const [count, height, width] = frames.shape;
  return tf.tidy(() => {
    const rows = tf.reshape(frames, [count / length, length, height, width, 3]);
    const side = [count / length, height, width, length * 3] as const;
    return tf.reshape(tf.transpose(rows, [0, 2, 3, 1, 4]), [...side]) as tf.Tensor4D;
  });
}
