import type { VerdictCalibration } from '@lipsync/contracts';
import type { AlignmentCurve } from './alignment';
import { confidenceAt, LEAST, leastContrast, NEAR, UNIT_RULE } from './calibration';
import type { Trust } from './offset-parts';
import { rounded } from './rounded';

/** Without a calibration: the chance that noise reaches this anywhere among 150 offsets is below 1 in 1000. */
const LEAST_Z = 4.2;

/** Where another part of the clip matches: the contrast that a near offset needs less, a far one more; the z score. */
const BELONGING = 4;
const STRAYING = 2;
const LEAST_Z_BESIDE = 3.2;

/** The z score that two parts need together. */
const LEAST_Z_TOGETHER = 5;

/** Whether an offset can be relied on, and the probability that it is right. */
type Judgement = { found: boolean; confidence: number | null };

/** Whether offsets can be relied on: one alone, and two parts together. */
type Judge = {
  /** @param belongs another part of the clip matches, so that its audio is known to belong: less is needed. */
  one(curve: AlignmentCurve, belongs?: boolean): Judgement;
  /** Two plausible parts with different offsets are convincing together, as one of both their lengths would be. */
  together: Trust['together'];
};

/**
 * A judge by the network's calibration; without one there is no confidence, and embeddings of length 1 answer by
 * `UNIT_RULE`, others by the noise of the clip itself.
 */
export function judgeOf(calibration: VerdictCalibration | undefined, space: string | undefined): Judge {
  const rule = calibration ?? (space === 'unit' ? UNIT_RULE : undefined);
  if (!rule) {
    return {
      one: ({ atEdge, zScore }, belongs = false) => ({
        found: !atEdge && zScore >= (belongs ? LEAST_Z_BESIDE : LEAST_Z),
        confidence: null,
      }),
      together: (before, after) => Math.hypot(before.zScore, after.zScore) >= LEAST_Z_TOGETHER,
    };
  }
  const { least = LEAST } = rule;
  return {
    one: (curve, belongs = false) => {
      const beside = belongs ? (Math.abs(curve.offsetFrames) > NEAR ? STRAYING : -BELONGING) : 0;
      const confidence = rounded(confidenceAt(rule, { ...curve, contrast: curve.contrast - beside }))!;
      return { found: !curve.atEdge && confidence >= least, confidence: calibration ? confidence : null };
    },
    together: (before, after) =>
      Math.hypot(before.contrast, after.contrast) >= leastContrast(rule, before.windows + after.windows),
  };
}
