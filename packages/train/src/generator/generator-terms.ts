import { type GeneratorSyncExpert, generatorSyncLoss } from '@lipsync/avalignnet';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { type DinetWeights, imageLoss, lsganGeneratorLoss, type PerceptualLoss } from '@lipsync/dinet';
import type { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { DinetTrainBatch } from './train-batch';

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

/** What the generator's loss is computed with. */
export type LossParts = {
  weights: DinetWeights;
  frameDiscriminator: TrainedDiscriminator;
  clipDiscriminator?: ClipDiscriminator;
  perceptual?: PerceptualLoss;
  sync?: { expert: GeneratorSyncExpert; mouthInput: MouthInput };
};

/**
 * The terms of the generator's loss on some rows, and the gradient of their weighted sum with respect to the generated
 * frames.
 *
 * @param generated `[rows * frameCount, height, width, 3]`, borrowed.
 * @returns scalars by name, with `generator` for the weighted sum, and float32 `byGenerated` of the frames' shape;
 *   all the caller's.
 */
export function lossByGenerated(
  parts: LossParts,
  batch: DinetTrainBatch,
  generated: tf.Tensor4D,
): { terms: Map<Term | 'generator', tf.Scalar>; byGenerated: tf.Tensor4D } {
  const terms = new Map<Term | 'generator', tf.Scalar>();
  let refusal: unknown;
  const { value, grad } = tf.valueAndGrad((frames) => {
    try {
      const made = lossTerms(parts, batch, frames as tf.Tensor4D);
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

function lossTerms(
  { weights, frameDiscriminator, clipDiscriminator, perceptual, sync }: LossParts,
  { real, angles, syncAudio }: DinetTrainBatch,
  generated: tf.Tensor4D,
): { name: Term; value: tf.Scalar; weight: number }[] {
  const made: { name: Term; value: tf.Scalar; weight: number }[] = [];
  const add = (name: Term, weight: number, value: () => tf.Scalar) => {
    if (weight > 0) made.push({ name, value: value(), weight });
  };
  if (perceptual) add('perceptual', weights.perceptual, () => perceptual(real, generated));
  add('gan', weights.gan, () => lsganGeneratorLoss(frameDiscriminator.forward(generated)));
  if (clipDiscriminator) {
    const windows = () => clipWindows(generated, clipDiscriminator.frameCount);
    add('ganClip', weights.gan, () => lsganGeneratorLoss(clipDiscriminator.forward(windows())));
  }
  if (sync) {
    const mouths = () => sync.mouthInput(generated, angles as tf.Tensor1D);
    add('sync', weights.sync, () => generatorSyncLoss(sync.expert, mouths(), syncAudio as FeatureBatch));
  }
  add('image', weights.image, () => imageLoss(real, generated));
  return made;
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
