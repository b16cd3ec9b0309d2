import type { ByWindows, VerdictCalibration } from '@lipsync/contracts';

/**
 * What embeddings of length 1 need for an answer where their network has no calibration: a contrast of 7 for 1 s of
 * video, 11 for 2 to 4 s, 12 from 8 s on, and 1 more beyond 15 frames. Chosen with one such network on the clips of
 * `bench/verdict-chosen.txt`; for others it is a rule, and gives no confidence.
 */
export const UNIT_RULE: VerdictCalibration = {
  source: 'rule for embeddings of length 1',
  halfAt: [
    [16, 7],
    [41, 11],
    [91, 11],
    [191, 12],
  ],
  slope: 1,
  farPenalty: 1,
};

/** Offsets beyond it are rare, frames. */
export const NEAR = 15;

/** Least confidence of an answer where a calibration does not say. */
export const LEAST = 0.5;

/** The confidence that a contrast gives, 0..1. */
export function confidenceAt(
  calibration: VerdictCalibration,
  { windows, contrast, offsetFrames }: { windows: number; contrast: number; offsetFrames: number },
): number {
  const { halfAt, slope, farPenalty } = calibration;
  const needed = valueAt(halfAt, windows) + (Math.abs(offsetFrames) > NEAR ? farPenalty : 0);
  return 1 / (1 + Math.exp(-slope * (contrast - needed)));
}

/** The contrast at which a near offset is an answer. */
export function leastContrast({ halfAt, slope, least = LEAST }: VerdictCalibration, windows: number): number {
  return valueAt(halfAt, windows) + Math.log(least / (1 - least)) / slope;
}

/** The value for a number of windows: linear in its logarithm between two points, constant beyond the ends. */
export function valueAt(points: ByWindows, windows: number): number {
  const after = points.findIndex(([count]) => count >= windows);
  if (after < 0) return points.at(-1)![1];
  if (after === 0) return points[0][1];
  const [[from, low], [to, high]] = [points[after - 1], points[after]];
  return low + ((high - low) * Math.log(windows / from)) / Math.log(to / from);
}
