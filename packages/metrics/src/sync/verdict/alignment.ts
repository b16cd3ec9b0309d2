/** How well audio and frames match at every shift in one stretch of about half a second, normalised. */
export type AlignmentStretch = {
  /** Video frame, counted from the first window, at which the stretch begins. */
  firstFrame: number;
  /** Windows with frames. */
  rows: number;
  /**
   * Sum of the normalised similarity over the windows for each of the `2 * maxShift + 1` shifts, from an offset of
   * `maxShift` down to `-maxShift`. Of unrelated frames and audio a pair's similarity has mean 0 and variance 1.
   */
  sums: Float32Array;
  /** Windows that had a partner at each shift. */
  pairs: Uint16Array;
  /**
   * Variance of the frames' embeddings in the second around, relative to their mean square length: 0 where nothing
   * moves.
   */
  movement: number;
};

/** Everything that a verdict needs to know of frames and audio: see `AlignmentCollector`. Plain data. */
export type Alignment = {
  /** Largest shift that was measured, frames. */
  maxShift: number;
  fps: number;
  /** Frames from one window with frames to the next. */
  visualStride: number;
  stretches: AlignmentStretch[];
};

/** How well frames and audio match at each offset over several stretches. */
export type AlignmentCurve = {
  /** The best offset, frames; positive: the audio leads. */
  offsetFrames: number;
  /** The best offset is the last one on its side that was tried. */
  atEdge: boolean;
  /** `strength` at the best offset without what stays of it 4 to 12 frames away: how far the offset stands out. */
  contrast: number;
  /** The best offset to a part of a frame, by a parabola through its neighbours. */
  exactFrames: number;
  /** Standard deviation of `exactFrames` by the curve's own noise, frames; NaN where the curve is too short to tell. */
  spreadFrames: number;
  /**
   * By offset from `maxShift` down to `-maxShift`: sum of the similarities by the root of their number, NaN where too
   * few windows had a partner.
   */
  strength: Float64Array;
  /** `strength` at the best offset by its root mean square elsewhere; NaN where there is too little elsewhere. */
  zScore: number;
  /**
   * By how much the best offset of 3 frames and more exceeds the best of at most 2 in `strength`: above 0 where audio is
   * rather off by 3 frames or more. NaN where only one kind was tried.
   */
  offMargin: number;
  /** The best of the other offsets, and its strength; undefined where no other was tried. */
  second?: { offsetFrames: number; strength: number };
  /** Windows in all, counted at every frame. */
  windows: number;
};

/** Offsets so near to the best one count as the same peak: windows of ten frames resemble their neighbours. */
const PEAK = 4;

/** What a peak leaves this far away is common to both, such as the pauses of two sentences, not the words. */
const SHOULDER = 12;
const SHOULDER_SHIFTS = 2 * (SHOULDER - PEAK + 1);

const FEWEST_PAIRS = 8;
const LEAST_OVERLAP = 0.35;
const FEWEST_ELSEWHERE = 12;

/**
 * The curve of some stretches taken together, as if they had one offset.
 *
 * `strength[k] = sum of the pairs' similarities / sqrt(pairs)`; for unrelated frames and audio it has mean 0 and, as
 * neighbouring windows overlap, a variance of about 5 (windows of ten frames). `contrast = strength[best] - sum of the
 * strength 4 to 12 frames to both sides / 18`; offsets that were not tried count as 0.
 *
 * @param stretches at least one.
 * @example
 * const { offsetFrames, contrast } = alignmentCurve(score.alignment);
 */
export function alignmentCurve({
  stretches,
  maxShift,
  visualStride,
}: Pick<Alignment, 'stretches' | 'maxShift' | 'visualStride'>): AlignmentCurve {
  const strength = strengthOf(stretches, { maxShift, visualStride });
  const tried = (k: number) => k >= 0 && k < strength.length && !Number.isNaN(strength[k]);
  let best = maxShift;
  for (let k = 0; k < strength.length; k++) {
    if (tried(k) && !(strength[best] >= strength[k])) best = k;
  }
  let shoulder = 0;
  let second: number | undefined;
  const elsewhere: number[] = [];
  for (let k = 0; k < strength.length; k++) {
    const distance = Math.abs(k - best);
    if (!tried(k)) continue;
    if (distance >= PEAK && distance <= SHOULDER) shoulder += strength[k] / SHOULDER_SHIFTS;
    if (distance <= PEAK) continue;
    elsewhere.push(strength[k]);
    if (second === undefined || strength[k] > strength[second]) second = k;
  }
  const square = elsewhere.reduce((sum, value) => sum + value * value, 0) / elsewhere.length;
  const windows = visualStride * stretches.reduce((sum, { rows }) => sum + rows, 0);
  return {
    offsetFrames: maxShift - best,
    atEdge: !tried(best - 1) || !tried(best + 1),
    contrast: strength[best] - shoulder,
    ...peakOf(strength, best, maxShift),
    strength,
    zScore: elsewhere.length >= FEWEST_ELSEWHERE && square > 0 ? strength[best] / Math.sqrt(square) : Number.NaN,
    offMargin: marginOf(strength, maxShift),
    ...(second === undefined ? {} : { second: { offsetFrames: maxShift - second, strength: strength[second] } }),
    windows,
  };
}

/** Audio that is off by fewer frames is not called off. */
const OFF = 3;

function marginOf(strength: Float64Array, maxShift: number): number {
  let [near, off] = [-Infinity, -Infinity];
  for (const [k, value] of strength.entries()) {
    if (Number.isNaN(value)) continue;
    if (Math.abs(k - maxShift) < OFF) near = Math.max(near, value);
    else off = Math.max(off, value);
  }
  return Number.isFinite(near) && Number.isFinite(off) ? off - near : Number.NaN;
}

function strengthOf(
  stretches: readonly AlignmentStretch[],
  { maxShift, visualStride }: Pick<Alignment, 'maxShift' | 'visualStride'>,
): Float64Array {
  const shifts = 2 * maxShift + 1;
  const [sums, pairs] = [new Float64Array(shifts), new Float64Array(shifts)];
  for (const stretch of stretches) {
    for (let k = 0; k < shifts; k++) {
      sums[k] += stretch.sums[k];
      pairs[k] += stretch.pairs[k];
    }
  }
  const rows = stretches.reduce((sum, stretch) => sum + stretch.rows, 0);
  const fewest = Math.min(rows, Math.max(FEWEST_PAIRS / visualStride, LEAST_OVERLAP * rows));
  // Windows next to each other resemble each other: every second one says as much as all.
  return sums.map((sum, k) =>
    pairs[k] > 0 && pairs[k] >= fewest ? (sum * Math.sqrt(visualStride)) / Math.sqrt(pairs[k]) : Number.NaN,
  );
}

/** The peak of the parabola through three points, and how far noise moves it: noise of the slope by the curvature. */
function peakOf(
  strength: Float64Array,
  best: number,
  maxShift: number,
): Pick<AlignmentCurve, 'exactFrames' | 'spreadFrames'> {
  const slopeAt = (k: number) => (strength[k + 1] - strength[k - 1]) / 2;
  const curvature = 2 * strength[best] - strength[best - 1] - strength[best + 1];
  if (!(curvature > 0)) return { exactFrames: maxShift - best, spreadFrames: Number.NaN };
  let [squares, count] = [0, 0];
  for (let k = 1; k < strength.length - 1; k++) {
    const slope = slopeAt(k);
    if (Number.isNaN(slope) || Math.abs(k - best) <= PEAK + 1) continue;
    squares += slope * slope;
    count++;
  }
  return {
    exactFrames: maxShift - best - slopeAt(best) / curvature,
    spreadFrames: count >= FEWEST_ELSEWHERE ? Math.sqrt(squares / count) / curvature : Number.NaN,
  };
}
