import type { EmbeddingBatch, FeatureBatch, SyncExpert } from '@lipsync/contracts/tensors';
import {
  type ClipStore,
  type EvaluationClip,
  type EvaluationOptions,
  type EvaluationPair,
  evaluationPairs,
} from '@lipsync/dataloader';
import { type SyncAccuracy, SyncEvaluation, type SyncReport } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';

export type EvaluateExpertOptions = EvaluationOptions & {
  /** Largest offset of `byOffset`, frames; 0 leaves it empty. Default 15. */
  maxOffset?: number;
  /** Called after each clip. */
  onClip?: (done: number) => void;
};

/**
 * How well an expert tells pairs in sync from pairs off sync.
 *
 * The figures of `SyncReport` are of our stricter negatives: at least `minDistance` frames apart.
 */
export type ExpertEvaluation = SyncReport & {
  /**
   * The same pairs in sync against the thesis's and LatentSync's negatives: any other start of the same clip,
   * neighbours included.
   */
  anyOtherStart: { accuracy: SyncAccuracy; best: SyncAccuracy & { threshold: number }; auc: number };
  /** Clips evaluated. */
  clips: number;
  /** Ids of clips too short for a pair. */
  leftOut: string[];
};

/**
 * Evaluates a sync network on clips of a store: AUC, balanced accuracy and cross-entropy of single windows by two rules
 * for negatives, accuracy by offset, and accuracy by clip.
 *
 * A pair's score is the cosine of its embeddings (`unit`), `1 / (1 + distance)` (`euclidean`; the AUC is that of the
 * distance, and 0.5 means a distance of 1, so look at `best`), or `1 - pairDistances` (`joint`). Above 0.5 counts as in
 * sync.
 *
 * Embeds each window once; no tensor outlives the call, one clip is held at a time. The expert is borrowed.
 *
 * @throws TypeError where the store's clips cannot feed the expert, RangeError if no clip is long enough.
 * @example
 * import { loadAVAlignNet } from '@lipsync/avalignnet';
 * import { ClipStore } from '@lipsync/dataloader';
 * import { evaluateExpert } from '@lipsync/train';
 * const expert = await loadAVAlignNet('expert.safetensors');
 * const { auc, accuracy, anyOtherStart } = await evaluateExpert(expert, await ClipStore.open('clips'));
 * console.log(auc, accuracy.balanced, anyOtherStart.accuracy.balanced);
 * expert.dispose();
 */
export async function evaluateExpert(
  expert: SyncExpert,
  store: ClipStore,
  options: EvaluateExpertOptions = {},
): Promise<ExpertEvaluation> {
  const { onClip, maxOffset = 15, ...rest } = options;
  const [strict, anyOther, byOffset] = [new SyncEvaluation(), new SyncEvaluation(), new SyncEvaluation()];
  const pairs = evaluationPairs(store, expert.recipe, { ...rest, maxOffset });
  let clips = 0;
  for await (const clip of pairs) {
    const inSync = clip.pairs.filter(({ label }) => label === 1);
    const groups = [clip.pairs, [...inSync, ...clip.anyOther], clip.byOffset];
    const scores = await scorePairs(expert, clip, groups.flat());
    let at = 0;
    for (const [i, evaluation] of [strict, anyOther, byOffset].entries()) {
      const group = groups[i];
      const offsets = group.map(({ frame, features }) => clip.featureStarts[features] - clip.frameStarts[frame]);
      evaluation.update(scores.subarray(at, at + group.length), offsets, { clip: clip.id });
      at += group.length;
    }
    clips++;
    onClip?.(clips);
  }
  const { accuracy, best, auc } = anyOther.compute();
  return {
    ...strict.compute(),
    byOffset: maxOffset > 0 ? byOffset.compute().byOffset : [],
    anyOtherStart: { accuracy, best, auc },
    clips,
    leftOut: [...pairs.leftOut],
  };
}

const ROWS_AT_ONCE = 64;

/** The scores of pairs, float32 `[pairs]`; disposes the clip's tensors. */
export async function scorePairs(
  expert: SyncExpert,
  { frames, features }: EvaluationClip,
  pairs: readonly EvaluationPair[],
): Promise<Float32Array> {
  try {
    const scores = tf.tidy(() => {
      const visual = expert.encodeVisual(frames);
      const audio = tf.concat(rowsAtOnce(features).map((rows) => expert.encodeAudio(rows)));
      if (expert.space !== 'joint') return scoresOfAll(expert, visual, audio);
      return jointScores(expert, { visual, audio }, pairs);
    });
    try {
      const values = (await scores.data()) as Float32Array;
      if (scores.rank === 1) return values;
      const columns = scores.shape[1] as number;
      return Float32Array.from(pairs, (pair) => values[pair.frame * columns + pair.features]);
    } finally {
      scores.dispose();
    }
  } finally {
    tf.dispose([frames, features]);
  }
}

function rowsAtOnce(features: FeatureBatch): FeatureBatch[] {
  const [count, bins, steps] = features.shape;
  if (count <= ROWS_AT_ONCE) return [features];
  const parts = Math.ceil(count / ROWS_AT_ONCE);
  return Array.from({ length: parts }, (_, part) => {
    const first = part * ROWS_AT_ONCE;
    const rows = Math.min(ROWS_AT_ONCE, count - first);
    return tf.slice(features, [first, 0, 0, 0], [rows, bins, steps, 1]) as FeatureBatch;
  });
}

/** The score of every frame window with every audio window, `[frame windows, audio windows]`. */
function scoresOfAll(expert: SyncExpert, visual: EmbeddingBatch, audio: EmbeddingBatch): tf.Tensor {
  const products = tf.matMul(visual, audio, false, true);
  if (expert.space === 'unit') return products;
  const squares = (rows: tf.Tensor2D) => tf.sum(tf.square(rows), 1, true);
  const distances = tf.sqrt(
    tf.relu(tf.add(tf.sub(squares(visual), tf.mul(products, 2)), tf.transpose(squares(audio)))),
  );
  return tf.reciprocal(tf.add(distances, 1));
}

/** The scores of the pairs by the network itself, `[pairs]`. */
function jointScores(
  expert: SyncExpert,
  { visual, audio }: { visual: EmbeddingBatch; audio: EmbeddingBatch },
  pairs: readonly EvaluationPair[],
): tf.Tensor {
  const parts = Array.from({ length: Math.ceil(pairs.length / ROWS_AT_ONCE) }, (_, part) => {
    const some = pairs.slice(part * ROWS_AT_ONCE, (part + 1) * ROWS_AT_ONCE);
    const rows = (of: EmbeddingBatch, indices: number[]) =>
      tf.gather(of, tf.tensor1d(indices, 'int32')) as EmbeddingBatch;
    return expert.pairDistances!(
      rows(
        visual,
        some.map(({ frame }) => frame),
      ),
      rows(
        audio,
        some.map(({ features }) => features),
      ),
    );
  });
  return tf.sub(1, tf.concat(parts));
}
