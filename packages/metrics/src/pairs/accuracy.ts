import { fail } from '@lipsync/contracts';

/**
 * Scores of pairs of a frame window and an audio window that are in sync, and of pairs that are not; higher is more in
 * sync.
 */
export type PairScores = { inSync: ArrayLike<number>; offSync: ArrayLike<number> };

/** Shares of pairs that are classified correctly, 0..1. */
export type SyncAccuracy = {
  /** Mean of the other two: both classes weigh the same whatever their sizes. */
  balanced: number;
  /** Share of the in-sync pairs whose score is above the threshold. */
  inSync: number;
  /** Share of the off-sync pairs whose score is at or below the threshold (the only one that some papers report). */
  offSync: number;
};

/**
 * Accuracy of "in sync where the score is above the threshold".
 *
 * Source: LatentSync and the thesis (cosine above 0.5), with both classes weighted equally.
 *
 * @throws RangeError if a class is empty or a score is NaN.
 * @example
 * balancedAccuracy({ inSync: [0.9, 0.4], offSync: [0.1] }); // { balanced: 0.75, inSync: 0.5, offSync: 1 }
 */
export function balancedAccuracy(scores: PairScores, threshold = 0.5): SyncAccuracy {
  const [positives, negatives] = sortedScores('balancedAccuracy', scores);
  const inSync = 1 - countAtMost(positives, threshold) / positives.length;
  const offSync = countAtMost(negatives, threshold) / negatives.length;
  return { balanced: (inSync + offSync) / 2, inSync, offSync };
}

/**
 * Area under the ROC curve: the probability that a pair in sync scores above one that is not, ties counted half. Exact,
 * by sorting.
 *
 * @throws RangeError if a class is empty or a score is NaN.
 * @example
 * rocAuc({ inSync: [0.9, 0.5], offSync: [0.5, 0.1] }); // 0.875
 */
export function rocAuc(scores: PairScores): number {
  const [positives, negatives] = sortedScores('rocAuc', scores);
  let below = 0; // negatives below the current positive
  let upTo = 0; // negatives at or below it
  let wins = 0;
  for (const score of positives) {
    while (below < negatives.length && negatives[below] < score) below++;
    while (upTo < negatives.length && negatives[upTo] <= score) upTo++;
    wins += (below + upTo) / 2;
  }
  return wins / (positives.length * negatives.length);
}

/**
 * The threshold of the best balanced accuracy, half-way between the two scores that it separates. Of several, the
 * lowest.
 *
 * Optimistic, as it is chosen on the scores that it is then measured on: report it beside the accuracy at 0.5.
 *
 * @throws RangeError if a class is empty or a score is NaN.
 * @example
 * bestThreshold({ inSync: [0.4, 0.6], offSync: [0.1, 0.2] }); // { threshold: 0.3, balanced: 1, inSync: 1, offSync: 1 }
 */
export function bestThreshold(scores: PairScores): SyncAccuracy & { threshold: number } {
  const [positives, negatives] = sortedScores('bestThreshold', scores);
  const values = Float64Array.from([...positives, ...negatives]).sort();
  let passed = 0; // positives at or below the threshold, classified wrongly
  let held = 0; // negatives at or below the threshold, classified correctly
  // Below all scores everything counts as in sync.
  let best = { threshold: values[0] - 1e-6, inSync: 1, offSync: 0 };
  for (let index = 0; index < values.length; index++) {
    if (index + 1 < values.length && values[index + 1] === values[index]) continue;
    const value = values[index];
    while (passed < positives.length && positives[passed] <= value) passed++;
    while (held < negatives.length && negatives[held] <= value) held++;
    const inSync = 1 - passed / positives.length;
    const offSync = held / negatives.length;
    const threshold = index + 1 < values.length ? (value + values[index + 1]) / 2 : value;
    if (inSync + offSync > best.inSync + best.offSync) best = { threshold, inSync, offSync };
  }
  return { ...best, balanced: (best.inSync + best.offSync) / 2 };
}

function sortedScores(where: string, scores: PairScores): [Float64Array, Float64Array] {
  const [inSync, offSync] = (['inSync', 'offSync'] as const).map((key) => {
    const sorted = Float64Array.from(scores[key]).sort();
    if (sorted.length === 0) fail(RangeError, where, key, 'at least one score', 'none');
    // Sorting puts NaN last.
    if (Number.isNaN(sorted[sorted.length - 1])) fail(RangeError, where, key, 'numbers', 'NaN');
    return sorted;
  });
  return [inSync, offSync];
}

/** Number of entries of a sorted array that are at or below a value. */
function countAtMost(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
