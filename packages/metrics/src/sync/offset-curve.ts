import { lowerMedian, medianFilter } from '@lipsync/nn/arrays';
import { describeOffset } from './describe-offset';
import type { Alignment } from './verdict/alignment';

/** The result of SyncNet's evaluation for one face track. */
export type SyncScore = {
  /** Positive: the audio leads (is early). Whole frames. */
  offsetFrames: number;
  offsetSec: number;
  /** The offset in words. */
  sentence: string;
  /** The best offset is the largest tried: usually a sign that the true one was not found. */
  atEdge: boolean;
  /** LSE-D: the least mean distance; lower is better. */
  lseD: number;
  /** LSE-C: median of the mean distances minus the least; higher is better. */
  lseC: number;
  /** Mean distance at every offset from `maxShift` down to `-maxShift`; NaN where it was left out. */
  meanDistances: { offsetFrames: number; distance: number }[];
  /** One value per window, float32. */
  perWindow: {
    /** Distance at the best offset; NaN where `overlap` has no partner. */
    distances: Float32Array;
    /** Median of the mean distances minus `distances`, through a median filter of 9. */
    confidences: Float32Array;
  };
  /** Number of windows. */
  windows: number;
  /** How well frames and audio match at every shift, also beyond those of LSE: what `syncVerdict` takes. */
  alignment: Alignment;
  /** The network's name; write it beside lseD and lseC. */
  expert?: string;
  space: 'unit' | 'euclidean' | 'joint';
  edges: 'zero' | 'overlap';
  fps: number;
};

const FEWEST_PAIRS = 5; // a mean over fewer is not reliable
const FILTER = 9; // frames of the reference's median filter

/** Distances of every window at every shift, and how they were measured. */
export type OffsetCurve = {
  /** Distance of window `i` at shift `k`; NaN where it has no partner. */
  distanceAt(i: number, k: number): number;
  /** Sum over the windows for each of the `2 * maxShift + 1` shifts. */
  sums: ArrayLike<number>;
  windows: number;
  maxShift: number;
  fps: number;
} & Pick<SyncScore, 'expert' | 'space' | 'edges' | 'alignment'>;

/** Offset, LSE-D, LSE-C and the frame-wise confidence of a curve, by SyncNet's rules. */
export function scoreOfCurve({
  distanceAt,
  sums,
  windows,
  maxShift,
  fps,
  edges,
  space,
  expert,
  alignment,
}: OffsetCurve): SyncScore {
  const pairs = (k: number) => (edges === 'zero' ? windows : Math.max(0, windows - Math.abs(k - maxShift)));
  const fewest = Math.min(FEWEST_PAIRS, windows);
  const means = Array.from(sums, (sum, k) => (pairs(k) >= fewest ? sum / pairs(k) : Number.NaN));
  let best = maxShift;
  for (let k = 0, least = Infinity; k < 2 * maxShift + 1; k++) {
    if (means[k] < least) [best, least] = [k, means[k]];
  }
  const median = lowerMedian(means.filter((mean) => !Number.isNaN(mean)));
  const distances = Float32Array.from({ length: windows }, (_, i) => distanceAt(i, best));
  // A window without a partner counts as the reference's ends do: no confidence.
  const confidences = Float32Array.from(
    medianFilter(
      Array.from(distances, (distance) => (Number.isNaN(distance) ? 0 : median - distance)),
      FILTER,
    ),
  );
  const offsetFrames = maxShift - best;
  return {
    offsetFrames,
    offsetSec: offsetFrames / fps,
    sentence: describeOffset(offsetFrames, fps),
    atEdge: Math.abs(offsetFrames) === maxShift,
    lseD: means[best],
    lseC: median - means[best],
    meanDistances: means.map((distance, k) => ({ offsetFrames: maxShift - k, distance })),
    perWindow: { distances, confidences },
    windows,
    alignment,
    ...(expert === undefined ? {} : { expert }),
    space,
    edges,
    fps,
  };
}
