import type { SyncRecipe } from '@lipsync/contracts';
import { fail, frameShape } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Module, registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { framesOnChannels } from '../network/frames-on-channels';
import {
  assertGeneratorExpert,
  type GeneratorSyncExpert,
  type GeneratorSyncLossOptions,
  generatorSyncLoss,
} from './generator-sync-loss';

/**
 * Windows of frames as a visual tower takes them: the recipe's colour order and value range, frames on the channels.
 * Differentiable.
 *
 * @param frames float32 `[batch, time, height, width, 3]`, RGB in 0..1, of the recipe's crop; borrowed.
 * @returns float32 `[batch, height, width, time * 3]`. The caller disposes it.
 * @throws TypeError for another shape.
 * @example
 * const batch = mouthBatch(tf.zeros([2, 10, 48, 48, 3]), expert.recipe); // [2, 48, 48, 30]
 */
export function mouthBatch(
  frames: tf.Tensor5D,
  recipe: Pick<SyncRecipe, 'crop' | 'frameCount' | 'color' | 'range'>,
): MouthBatch {
  const { frameCount, crop, color, range } = recipe;
  const { height, width } = frameShape(crop);
  const wanted = [frameCount, height, width, 3];
  if (frames.rank !== 5 || wanted.some((side, axis) => frames.shape[axis + 1] !== side)) {
    fail(TypeError, 'mouthBatch', 'frames', `of shape [batch, ${wanted.join(', ')}]`, [...frames.shape]);
  }
  return tf.tidy(() => {
    const ordered = color === 'RGB' ? frames : swappedColours(frames);
    return tf.add<tf.Tensor4D>(tf.mul(framesOnChannels(ordered), range[1] - range[0]), range[0]);
  });
}

/**
 * RGB to BGR. `tf.reverse` has no gradient; the list is copied, as the gradient tape keeps the one that `tf.split`
 * returned.
 */
function swappedColours(frames: tf.Tensor5D): tf.Tensor5D {
  return tf.concat([...tf.split(frames, 3, 4)].reverse(), 4) as tf.Tensor5D;
}

/**
 * Loss of generated frames `[batch, time, height, width, 3]` with features `[batch, bins, featureSteps, 1]`; see
 * `syncLoss`.
 */
export type FramesSyncLoss = (frames: tf.Tensor5D, features: FeatureBatch) => tf.Scalar;

/**
 * A sync expert as a loss for a generator: how far generated frames are from their audio.
 *
 * The expert is frozen: put into evaluation mode, its variables no longer trainable, so that `tf.variableGrads` without
 * a list of variables leaves them out. Load it anew to train it. All gradients that it needs are registered. The
 * recipe's value range, colour order and frames on the channels are applied with their gradients.
 *
 * Formula and source: `generatorSyncLoss`.
 *
 * @param expert an expert with embeddings of length 1 (`unit`) or one that scores pairs (`joint`), such as AVAlignNet,
 *   Wav2Lip's or DINet's; borrowed for as long as the result is used.
 * @returns a function of frames, float32 `[batch, time, height, width, 3]`, RGB in 0..1, of the expert's crop, and
 *   features, float32 `[batch, bins, featureSteps, 1]`, both borrowed. It gives a float32 scalar that the caller
 *   disposes.
 * @throws TypeError for an expert with Euclidean distances, or one without a recipe.
 * @example
 * const inSync = syncLoss(expert);
 * const { value, grads } = tf.variableGrads(() => inSync(generator.forward(input), features), variables);
 */
export function syncLoss(expert: GeneratorSyncExpert, options: GeneratorSyncLossOptions = {}): FramesSyncLoss {
  freeze(expert);
  assertGeneratorExpert('syncLoss', expert);
  const { recipe } = expert; // throws here for an expert without one
  registerGradients();
  return (frames, features) => tf.tidy(() => generatorSyncLoss(expert, mouthBatch(frames, recipe), features, options));
}

function freeze(expert: GeneratorSyncExpert): void {
  if (!(expert instanceof Module)) return;
  expert.eval();
  for (const { variable } of expert.namedParameters().values()) variable.trainable = false;
}
