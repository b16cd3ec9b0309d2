import type { AlignmentCurve } from './alignment';
import { halfContrast, type VerdictCalibration } from './calibration';
import type { Trust } from './offset-parts';
import { rounded } from './rounded';

/** Without a calibration: the chance that noise reaches this anywhere among 150 offsets is below 1 in 1000. */
const LEAST_Z = 4.2;

/** Offsets beyond it are rare, frames. */
const NEAR = 15;

/** Where another part of the clip matches: the contrast that a near offset needs less, a far one more; the z score. */
const BELONGING = 4;
const STRAYING = 2;
const LEAST_Z_BESIDE = 3.2;

/** The z score that two parts need together. */
const LEAST_Z_TOGETHER = 5;

/** Whether an offset can be relied on, and the probability that it is right. */
type Judgement = { found: boolean; confidence: number | null };

/** @returns a judge; where another part of the clip matches, so that its audio is known to belong, less is needed. */
export function judgeOf(
  calibration: VerdictCalibration | undefined,
): (curve: AlignmentCurve, belongs?: boolean) => Judgement {
  return (curve, belongs = false) => {
    const leastZ = belongs ? LEAST_Z_BESIDE : LEAST_Z;
    if (!calibration) return { found: !curve.atEdge && curve.zScore >= leastZ, confidence: null };
    const { slope, farPenalty } = calibration;
    const far = Math.abs(curve.offsetFrames) > NEAR;
    const beside = belongs ? (far ? STRAYING : -BELONGING) : 0;
    const needed = halfContrast(calibration, curve.windows) + (far ? farPenalty : 0) + beside;
    const odds = slope * (curve.contrast - needed);
    const confidence = rounded(1 / (1 + Math.exp(-odds)))!;
    return { found: !curve.atEdge && confidence >= 0.5, confidence };
  };
}

/** Whether two plausible parts with different offsets are convincing together, as one of both their lengths would be. */
export function togetherOf(calibration: VerdictCalibration | undefined): Trust['together'] {
  return (before, after) => {
    if (!calibration) return Math.hypot(before.zScore, after.zScore) >= LEAST_Z_TOGETHER;
    return Math.hypot(before.contrast, after.contrast) >= halfContrast(calibration, before.windows + after.windows);
  };
}
