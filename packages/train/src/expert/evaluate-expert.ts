import { fail } from '@lipsync/contracts';
import type { EmbeddingBatch, SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, type EvaluationOptions, evaluationPairs } from '@lipsync/dataloader';
import { SyncEvaluation, type SyncReport } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';

/** How well an expert tells pairs in sync from pairs off sync, on clips of a store. */
export type ExpertEvaluation = SyncReport & {
  /** Clips judged on. */
  clips: number;
  /** Clips too short for a pair. */
  leftOut: string[];
};

/**
 * Balanced accuracy, AUC and cross-entropy of single windows: in-sync pairs against pairs of the same clip at least
 * `minDistance` frames apart. The score of a pair is the cosine of its embeddings; of experts with distances, `1 / (1 + distance)`, whose
 * AUC is that of the distance and whose threshold of 0.5 is a distance of 1 (look at `best`).
 *
 * Embeds each window once; no tensor outlives it, one clip is held at a time.
 *
 * @throws TypeError where the store's clips cannot feed the expert, RangeError if no clip is long enough.
 * @example
 * const { auc, accuracy } = await evaluateExpert(expert, await ClipStore.open('clips'), { clips: held });
 */
export async function evaluateExpert(
  expert: SyncExpert,
  store: ClipStore,
  options: EvaluationOptions & { onClip?: (done: number) => void } = {},
): Promise<ExpertEvaluation> {
  const { onClip, ...rest } = options;
  const evaluation = new SyncEvaluation();
  const pairs = evaluationPairs(store, expert.recipe, rest);
  let clips = 0;
  for await (const clip of pairs) {
    const cosines = tf.tidy(() =>
      scoresOf(expert, expert.encodeVisual(clip.frames), expert.encodeAudio(clip.features)),
    );
    try {
      const columns = cosines.shape[1] as number;
      const values = await cosines.data();
      evaluation.update(
        clip.pairs.map((pair) => values[pair.frame * columns + pair.features]),
        clip.pairs.map((pair) => clip.featureStarts[pair.features] - clip.frameStarts[pair.frame]),
        { clip: clip.id },
      );
    } finally {
      tf.dispose([cosines, clip.frames, clip.features]);
    }
    clips++;
    onClip?.(clips);
  }
  return { ...evaluation.compute(), clips, leftOut: [...pairs.leftOut] };
}

/** The score of every frame window with every audio window, `[frames, audio tracks]`; higher is more in sync. */
function scoresOf(expert: SyncExpert, visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor2D {
  if (expert.space === 'joint')
    fail(TypeError, 'evaluateExpert', 'expert', 'one with embeddings', `${expert.name}, which judges pairs`);
  const products = tf.matMul(visual, audio, false, true) as tf.Tensor2D;
  if (expert.space === 'unit') return products;
  const squares = (rows: tf.Tensor2D) => tf.sum(tf.square(rows), 1, true);
  const distances = tf.sqrt(
    tf.relu(tf.add(tf.sub(squares(visual), tf.mul(products, 2)), tf.transpose(squares(audio)))),
  );
  return tf.reciprocal(tf.add(distances, 1)) as tf.Tensor2D;
}
