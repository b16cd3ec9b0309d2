import { fail } from '@lipsync/contracts';
import { balancedAccuracy, bestThreshold, rocAuc, type SyncAccuracy } from './accuracy';

/** What `SyncEvaluation` reports. */
export type SyncReport = {
  /** At the threshold asked for. */
  accuracy: SyncAccuracy;
  best: SyncAccuracy & { threshold: number };
  auc: number;
  /** Binary cross-entropy of the scores, both classes weighted equally, scores clamped to `[1e-7, 1 - 1e-7]`. */
  crossEntropy: number;
  /** Mean scores. */
  meanInSync: number;
  meanOffSync: number;
  /** Number of pairs. */
  pairs: { inSync: number; offSync: number };
  /** Accuracy at the threshold by distance in frames between frames and audio, 0 being in sync; rising. */
  byOffset: { offsetFrames: number; pairs: number; accuracy: number }[];
  /** The same by clip, in the order of arrival; of clips that have pairs of both classes. */
  byClip: ({ clip: string; pairs: { inSync: number; offSync: number } } & SyncAccuracy)[];
};

type Pair = { score: number; offset: number; clip?: string };

/**
 * Collects scores of pairs batch by batch and reports accuracy, best threshold and AUC, in all, by offset and by clip.
 *
 * What counts as off sync differs between publications: any other position of the audio in the clip, or only positions
 * at least a few frames away, since neighbours look alike. Both can be reported from one evaluation (`compute({
 * minDistance })`).
 *
 * Totals are 64-bit.
 *
 * @example
 * const evaluation = new SyncEvaluation();
 * evaluation.update([0.9, 0.2, 0.4], [0, 7, -1], { clip: 'a' });
 * evaluation.compute().auc; // any offset
 * evaluation.compute({ minDistance: 3 }).auc;
 */
export class SyncEvaluation {
  readonly #pairs: Pair[] = [];

  /**
   * Adds pairs.
   *
   * @param scores one per pair, such as cosines; higher is more in sync.
   * @param offsets as many: frames from a pair's frame window to its audio window; 0 is in sync.
   * @param options.clip the clip that they are of, for `byClip`.
   * @throws RangeError for offsets that are not as many as scores, and for values that are not finite; nothing is added
   * then.
   */
  update(scores: ArrayLike<number>, offsets: ArrayLike<number>, { clip }: { clip?: string } = {}): void {
    const where = 'SyncEvaluation.update';
    if (offsets.length !== scores.length)
      fail(RangeError, where, 'offsets', `as many as scores (${scores.length})`, offsets.length);
    for (let index = 0; index < scores.length; index++) {
      if (!Number.isFinite(offsets[index])) fail(RangeError, where, 'offsets', 'finite', offsets[index]);
      if (Number.isNaN(scores[index])) fail(RangeError, where, 'scores', 'numbers', `NaN at ${index}`);
    }
    for (let index = 0; index < scores.length; index++)
      this.#pairs.push({ score: scores[index], offset: Math.abs(offsets[index]), clip });
  }

  /**
   * Figures over all pairs since the last `reset`.
   *
   * @param options.threshold pairs with a score above it count as in sync. Default 0.5.
   * @param options.minDistance off-sync pairs nearer than this are left out, frames. Default 1: none is.
   * @throws RangeError if there was no pair in sync, or none off sync.
   */
  compute({ threshold = 0.5, minDistance = 1 }: { threshold?: number; minDistance?: number } = {}): SyncReport {
    const pairs = this.#pairs.filter(({ offset }) => offset === 0 || offset >= minDistance);
    const scores = splitPairs(pairs);
    const { inSync, offSync } = scores;
    const accuracy = balancedAccuracy(scores, threshold);
    const clamp = (score: number) => Math.min(1 - 1e-7, Math.max(1e-7, score));
    const mean = (scores: number[], of: (score: number) => number) =>
      scores.reduce((sum, s) => sum + of(s), 0) / scores.length;
    const crossEntropy = -(mean(inSync, (s) => Math.log(clamp(s))) + mean(offSync, (s) => Math.log(1 - clamp(s)))) / 2;
    return {
      accuracy,
      best: bestThreshold(scores),
      auc: rocAuc(scores),
      crossEntropy,
      meanInSync: mean(inSync, (s) => s),
      meanOffSync: mean(offSync, (s) => s),
      pairs: { inSync: inSync.length, offSync: offSync.length },
      byOffset: accuracyByOffset(pairs, threshold),
      byClip: accuracyByClip(pairs, threshold),
    };
  }

  /** Forgets all pairs. */
  reset(): void {
    this.#pairs.length = 0;
  }
}

function splitPairs(pairs: readonly Pair[]): { inSync: number[]; offSync: number[] } {
  const inSync: number[] = [];
  const offSync: number[] = [];
  for (const { score, offset } of pairs) (offset === 0 ? inSync : offSync).push(score);
  return { inSync, offSync };
}

function accuracyByOffset(pairs: readonly Pair[], threshold: number): SyncReport['byOffset'] {
  const groups = groupBy(pairs, ({ offset }) => offset);
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([offsetFrames, group]) => {
      const correct = group.filter(({ score }) => score > threshold === (offsetFrames === 0)).length;
      return { offsetFrames, pairs: group.length, accuracy: correct / group.length };
    });
}

function accuracyByClip(pairs: readonly Pair[], threshold: number): SyncReport['byClip'] {
  const groups = groupBy(pairs, ({ clip }) => clip);
  return [...groups].flatMap(([clip, group]) => {
    const scores = splitPairs(group);
    const counts = { inSync: scores.inSync.length, offSync: scores.offSync.length };
    if (clip === undefined || counts.inSync === 0 || counts.offSync === 0) return [];
    return [{ clip, pairs: counts, ...balancedAccuracy(scores, threshold) }];
  });
}

function groupBy<K>(pairs: readonly Pair[], keyOf: (pair: Pair) => K): Map<K, Pair[]> {
  const groups = new Map<K, Pair[]>();
  for (const pair of pairs) {
    const key = keyOf(pair);
    const group = groups.get(key);
    if (group) group.push(pair);
    else groups.set(key, [pair]);
  }
  return groups;
}
