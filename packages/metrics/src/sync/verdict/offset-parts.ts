import { type Alignment, type AlignmentCurve, alignmentCurve } from './alignment';

/** A part of a clip and its curve. */
export type AlignmentPart = {
  /** Stretches `from` to `to` of the alignment. */
  from: number;
  to: number;
  curve: AlignmentCurve;
};

/** Whether a curve's offset can be relied on by itself, beside one that can, and two of them together. */
export type Trust = {
  convincing(curve: AlignmentCurve): boolean;
  plausible(curve: AlignmentCurve): boolean;
  together(before: AlignmentCurve, after: AlignmentCurve): boolean;
};

/** A change of more frames than this is one. */
const LARGEST_DRIFT = 2;

/**
 * Log of the odds that two offsets must have over one: a change is rare, and there are many places and offsets to try.
 */
const LEAST_GAIN = 7;

/** Windows of ten frames overlap: so many consecutive ones say as much as one. */
const OVERLAP = 5;

const FEWEST_STRETCHES = 4;

/**
 * Splits a clip where its offset changes: at the place where two offsets explain it best, and each side again.
 *
 * A split counts where one side is convincing by itself and the other plausible, or both are plausible and convincing
 * together, they are more than 2 frames apart, and match at their own offsets better than both do at any common one:
 * `(sum of strength² - strength² at the common offset) / 10 > 7`, the log likelihood ratio of a Gaussian model. A side
 * has at least four stretches, about two seconds.
 *
 * @returns one part where the offset stays the same.
 */
export function offsetParts(alignment: Alignment, trust: Trust): AlignmentPart[] {
  const split = (from: number, to: number): AlignmentPart[] => {
    const at = bestSplit(alignment, { from, to, ...trust });
    return at === undefined ? [partOf(alignment, from, to)] : [...split(from, at), ...split(at, to)];
  };
  return split(0, alignment.stretches.length);
}

/** The stretches from one to another as a part. */
export function partOf(alignment: Alignment, from: number, to: number): AlignmentPart {
  return { from, to, curve: alignmentCurve({ ...alignment, stretches: alignment.stretches.slice(from, to) }) };
}

function bestSplit(
  alignment: Alignment,
  { from, to, convincing, plausible, together }: { from: number; to: number } & Trust,
): number | undefined {
  let best: { at: number; gain: number } | undefined;
  const totals = runningSums(alignment, from, to);
  for (let at = from + FEWEST_STRETCHES; at <= to - FEWEST_STRETCHES; at++) {
    const gain = gainOf(totals, at - from, alignment.visualStride);
    if (gain > LEAST_GAIN && gain > (best?.gain ?? 0)) best = { at, gain };
  }
  if (!best) return undefined;
  const [before, after] = [partOf(alignment, from, best.at), partOf(alignment, best.at, to)].map(({ curve }) => curve);
  const apart = Math.abs(before.offsetFrames - after.offsetFrames) > LARGEST_DRIFT;
  const trusted =
    plausible(before) && plausible(after) && (convincing(before) || convincing(after) || together(before, after));
  return apart && trusted ? best.at : undefined;
}

type Totals = { sums: Float64Array; pairs: Float64Array }[];

/** Sums and pairs of the first 0, 1, 2 … stretches of a part. */
function runningSums({ stretches, maxShift }: Alignment, from: number, to: number): Totals {
  const shifts = 2 * maxShift + 1;
  const totals: Totals = [{ sums: new Float64Array(shifts), pairs: new Float64Array(shifts) }];
  for (let t = from; t < to; t++) {
    const before = totals[t - from];
    totals.push({
      sums: before.sums.map((sum, k) => sum + stretches[t].sums[k]),
      pairs: before.pairs.map((count, k) => count + stretches[t].pairs[k]),
    });
  }
  return totals;
}

/** By how much two offsets, more than a drift apart, explain a part better than one. */
function gainOf(totals: Totals, at: number, visualStride: number): number {
  const [middle, end] = [totals[at], totals.at(-1)!];
  const most = Math.max(...end.pairs);
  const squares = (sum: number, pairs: number, all: number) =>
    pairs > 0 && pairs >= 0.35 * all ? (visualStride * Math.max(0, sum) ** 2) / pairs : 0;
  let [left, right, common] = [0, 0, 0];
  const firstMost = Math.max(...middle.pairs);
  for (let k = 0; k < end.sums.length; k++) {
    const before = squares(middle.sums[k], middle.pairs[k], firstMost);
    const after = squares(end.sums[k] - middle.sums[k], end.pairs[k] - middle.pairs[k], most - firstMost);
    left = Math.max(left, before);
    right = Math.max(right, after);
    common = Math.max(common, before + after);
  }
  return (left + right - common) / (2 * OVERLAP);
}
