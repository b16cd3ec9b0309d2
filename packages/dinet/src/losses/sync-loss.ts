import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch, FeatureBatch, MouthBatch, SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';

/** A sync expert; DINet's own also scores each place of the mouth. */
export type GeneratorSyncExpert = SyncExpert & {
  scoreMap?(frames: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor4D;
};

/**
 * How far painted mouths are from their audio, to a frozen sync expert: `mean (P - 1)²`.
 *
 * Of experts with embeddings of length 1 (`unit`) P is the cosine of each row, as in the thesis; of those that judge pairs (`joint`) the score of
 * each place of the map, as in DINet's code, or `1 - pairDistances` where the expert has no map. Its gradient flows to the frames; the audio's
 * embedding is a constant. Near P = 1 the gradient vanishes, and where an embedding is all 0 there is none.
 *
 * The expert's variables take part as constants: whoever asks for a gradient by the generator's parameters, or by the frames, gets none of them.
 *
 * Source: thesis §2.4 and MRzzm/DINet's clip training; largest relative difference from PyTorch 1.13 below 2e-6, see the test of
 * `DinetTrainer`.
 *
 * @param expert Borrowed; in evaluation mode, so that running statistics stand still.
 * @param frames `[rows, height, width, frames * 3]` in the expert's colours and range; borrowed.
 * @param features `[rows, bins, steps, 1]`, borrowed.
 * @returns float32 scalar. The caller disposes it.
 * @throws TypeError for an expert with Euclidean distances, which have no P; Error for one in training mode.
 * @example
 * const loss = generatorSyncLoss(expert, images.syncInput(images.mouths(painted, angles), expert.recipe), syncAudio);
 */
export function generatorSyncLoss(expert: GeneratorSyncExpert, frames: MouthBatch, features: FeatureBatch): tf.Scalar {
  assertGeneratorExpert('generatorSyncLoss', expert);
  if (frames.shape[0] !== features.shape[0]) {
    fail(TypeError, 'generatorSyncLoss', 'mel', `of as many rows as frames (${frames.shape[0]})`, features.shape);
  }
  return tf.tidy(() => {
    const audio = expert.encodeAudio(features);
    const seen = expert.encodeVisual(frames);
    return tf.mean<tf.Scalar>(tf.square(shortfall(expert, seen, audio)));
  });
}

/** Refuses an expert that cannot serve as a generator's teacher. */
export function assertGeneratorExpert(where: string, expert: GeneratorSyncExpert): void {
  if (expert.space === 'euclidean') {
    fail(
      TypeError,
      where,
      'expert',
      'one of cosines (unit) or scores (joint): distances without bounds have no 1 to reach',
      `${expert.name}, euclidean`,
    );
  }
  if (expert.space === 'joint' && !expert.scoreMap && !expert.pairDistances) {
    fail(TypeError, where, 'expert', 'one with scoreMap or pairDistances, since it is joint', expert.name);
  }
  if ((expert as { training?: boolean }).training)
    fail(Error, where, 'expert', 'frozen, in evaluation mode: call its eval()', 'one in training mode');
}

/** What is missing to 1, of each row or place. */
function shortfall(expert: GeneratorSyncExpert, seen: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor {
  if (expert.space === 'unit') return tf.sub(tf.sum(tf.mul(seen, audio), 1), 1);
  if (expert.scoreMap) return tf.sub(expert.scoreMap(seen, audio), 1);
  return (expert.pairDistances as NonNullable<SyncExpert['pairDistances']>)(seen, audio);
}
