import { SyncEvaluation, type SyncReport } from '@lipsync/avalignnet';
import type { SyncExpert } from '@lipsync/contracts';
import { evaluationPairs, type ClipStore, type EvaluationOptions } from '@lipsync/dataloader';
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
 * `minDistance` frames apart. The score of a pair is the cosine of its embeddings.
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
      tf.matMul(expert.encodeFrames(clip.frames), expert.encodeAudio(clip.mel), false, true),
    );
    try {
      const columns = cosines.shape[1] as number;
      const values = await cosines.data();
      evaluation.update(
        clip.pairs.map((pair) => values[pair.frame * columns + pair.mel]),
        clip.pairs.map((pair) => pair.label),
      );
    } finally {
      tf.dispose([cosines, clip.frames, clip.mel]);
    }
    clips++;
    onClip?.(clips);
  }
  return { ...evaluation.compute(), clips, leftOut: [...pairs.leftOut] };
}
