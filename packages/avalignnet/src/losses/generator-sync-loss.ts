import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { clampCosine } from './binary-cross-entropy';

/** A sync expert; DINet's also scores each place of the mouth. */
export type GeneratorSyncExpert = SyncExpert & {
  /**
   * `[batch, embeddingSize]` and `[batch, audioEmbeddingSize]` to scores `[batch, rows, columns, 1]`, 1 where in sync;
   * the caller's.
   */
  scoreMap?(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor4D;
};

export type GeneratorSyncLossOptions = {
  /**
   * What the score P of a pair becomes. `squared`: `mean (P - 1)²`, the thesis's and DINet's. `cross-entropy`: `-mean
   * ln P`, Wav2Lip's and LatentSync's, whose gradient does not vanish near P = 1; for `unit` experts only. Default
   * `squared`.
   */
  formula?: 'squared' | 'cross-entropy';
};

/**
 * How far prepared windows of generated frames are from their audio, by a frozen sync expert: `mean (P - 1)²`, or
 * `-mean ln P`.
 *
 * P is the cosine of each row for experts with embeddings of length 1 (`unit`), as in the thesis; for those that score
 * pairs (`joint`) the score of each place of the map, as in DINet's code, or `1 - pairDistances` where the expert has
 * no map. The gradient flows to the frames; the audio's embedding is a constant. With `squared` the gradient vanishes
 * near P = 1; where an embedding is all 0 there is none.
 *
 * The expert's variables take part as constants: `tf.variableGrads` by a list of other variables gives no gradients for
 * them. `syncLoss` takes frames as a generator makes them, and freezes the expert.
 *
 * Source: thesis §2.4 and MRzzm/DINet's clip training; largest relative difference from PyTorch 1.13 below 2e-6, see
 * the test of the generator's training step. `cross-entropy`: Wav2Lip's `cosine_loss` with labels of 1, the cosine
 * clamped to `[1e-7, 1 - 1e-7]`.
 *
 * @param expert borrowed; in evaluation mode, so that running statistics stand still.
 * @param frames float32 `[batch, height, width, frameCount * 3]` in the expert's colour order and range; borrowed.
 * @param features float32 `[batch, bins, featureSteps, 1]`, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for an expert with Euclidean distances, which have no P; Error for one in training mode.
 * @example
 * const loss = generatorSyncLoss(expert, mouthBatch(generated, expert.recipe), features);
 */
export function generatorSyncLoss(
  expert: GeneratorSyncExpert,
  frames: MouthBatch,
  features: FeatureBatch,
  options: GeneratorSyncLossOptions = {},
): tf.Scalar {
  const where = 'generatorSyncLoss';
  const { formula = 'squared' } = options;
  assertGeneratorExpert(where, expert);
  if (formula === 'cross-entropy' && expert.space !== 'unit') {
    fail(TypeError, where, 'options.formula', '"squared" for an expert without cosines', formula);
  }
  if (frames.shape[0] !== features.shape[0]) {
    fail(TypeError, where, 'features', `of as many rows as frames (${frames.shape[0]})`, [...features.shape]);
  }
  return tf.tidy(() => {
    const audio = expert.encodeAudio(features);
    const visual = expert.encodeVisual(frames);
    if (formula === 'squared') return tf.mean<tf.Scalar>(tf.square(shortfall(expert, visual, audio)));
    const cosine = clampCosine(tf.sum<tf.Tensor1D>(tf.mul(visual, audio), 1));
    return tf.neg(tf.mean<tf.Scalar>(tf.log(cosine)));
  });
}

/**
 * Refuses an expert that cannot supervise a generator.
 *
 * @param where the caller's function, for the message.
 * @throws TypeError for one with Euclidean distances or without scores; Error for one in training mode.
 * @example
 * assertGeneratorExpert('train', expert);
 */
export function assertGeneratorExpert(where: string, expert: GeneratorSyncExpert): void {
  if (expert.space === 'euclidean') {
    const rule = 'one of cosines (unit) or scores (joint): Euclidean distances have no upper bound to reach';
    fail(TypeError, where, 'expert', rule, `${expert.name}, euclidean`);
  }
  if (expert.space === 'joint' && !expert.scoreMap && !expert.pairDistances) {
    fail(TypeError, where, 'expert', 'one with scoreMap or pairDistances, since it is joint', expert.name);
  }
  if ((expert as { training?: boolean }).training) {
    fail(Error, where, 'expert', 'frozen, in evaluation mode: call its eval()', 'one in training mode');
  }
}

/** P - 1 of each row, `[batch]`, or place, `[batch, rows, columns, 1]` (or 1 - P; it is squared). */
function shortfall(expert: GeneratorSyncExpert, visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor {
  if (expert.space === 'unit') return tf.sub(tf.sum(tf.mul(visual, audio), 1), 1);
  if (expert.scoreMap) return tf.sub(expert.scoreMap(visual, audio), 1);
  return (expert.pairDistances as NonNullable<SyncExpert['pairDistances']>)(visual, audio);
}
