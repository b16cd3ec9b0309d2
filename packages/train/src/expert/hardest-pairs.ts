import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, type EvaluationClip, type EvaluationOptions, evaluationPairs } from '@lipsync/dataloader';
import * as tf from '@tensorflow/tfjs-core';
import { scorePairs } from './evaluate-expert';

/** A pair of frames and audio that a network gets wrong, or nearly. */
export type HardPair = {
  clip: string;
  /** Whether frames and audio are in sync. */
  inSync: boolean;
  /** What the network says, 0..1: above 0.5 counts as in sync; see `evaluateExpert`. */
  score: number;
  /** First frames, in the clip, of the frames and of the audio; the same where they are in sync. */
  frame: number;
  audioFrame: number;
  /** The frames as the network takes them, `[height, width, frameCount * 3]`, float32. */
  frames: Float32Array;
};

export type HardestPairsOptions = EvaluationOptions & {
  /** Pairs of each kind. Default 6. */
  count?: number;
  /** Called after each clip. */
  onClip?: (done: number) => void;
};

/**
 * The pairs of a store that a sync network gets most wrong: those in sync with the lowest scores, and those off sync with
 * the highest, of each clip at most one of each kind.
 *
 * The pairs and scores are those of `evaluateExpert`. One clip is held at a time; no tensor outlives the call. The expert
 * is borrowed.
 *
 * @returns in sync first, the hardest of each kind first.
 * @throws as `evaluateExpert`.
 * @example
 * import { loadAVAlignNet } from '@lipsync/avalignnet';
 * import { ClipStore } from '@lipsync/dataloader';
 * import { hardestPairs } from '@lipsync/train';
 * const expert = await loadAVAlignNet('run/weights.safetensors');
 * for (const { clip, inSync, score } of await hardestPairs(expert, await ClipStore.open('clips'))) console.log(clip, inSync, score);
 */
export async function hardestPairs(
  expert: SyncExpert,
  store: ClipStore,
  options: HardestPairsOptions = {},
): Promise<HardPair[]> {
  const { count = 6, onClip, ...rest } = options;
  const [low, high]: [HardPair[], HardPair[]] = [[], []];
  let clips = 0;
  for await (const clip of evaluationPairs(store, expert.recipe, { ...rest, maxOffset: 0 })) {
    const kept = tf.clone(clip.frames); // scorePairs disposes the clip's
    try {
      const scores = await scorePairs(expert, clip, clip.pairs);
      for (const [label, list] of [[1, low] as const, [0, high] as const]) {
        const at = hardestOf(clip.pairs, scores, label);
        if (at < 0) continue;
        const { frame, features } = clip.pairs[at];
        const pair = {
          ...{ clip: clip.id, inSync: label === 1, score: scores[at] },
          ...{ frame: clip.frameStarts[frame], audioFrame: clip.featureStarts[features] },
        };
        if (list.length < count || hardness(pair) > hardness(list[count - 1])) {
          const window = tf.slice(kept, [frame, 0, 0, 0], [1, -1, -1, -1]);
          list.push({ ...pair, frames: (await window.data()) as Float32Array });
          window.dispose();
          list.sort((a, b) => hardness(b) - hardness(a));
          list.length = Math.min(count, list.length);
        }
      }
    } finally {
      kept.dispose();
    }
    onClip?.(++clips);
  }
  return [...low, ...high];
}

/** How far a score is on the wrong side. */
const hardness = ({ inSync, score }: Pick<HardPair, 'inSync' | 'score'>) => (inSync ? -score : score);

/** The index of the hardest pair with a label; -1 where there is none. */
function hardestOf(pairs: EvaluationClip['pairs'], scores: Float32Array, label: 0 | 1): number {
  let best = -1;
  for (const [i, pair] of pairs.entries()) {
    if (pair.label !== label) continue;
    const value = (at: number) => hardness({ inSync: label === 1, score: scores[at] });
    if (best < 0 || value(i) > value(best)) best = i;
  }
  return best;
}
