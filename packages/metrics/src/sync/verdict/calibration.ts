import { fail } from '@lipsync/contracts';
import type { ExpertFacts } from '../embedder';

/**
 * How evidence for an offset becomes a confidence: numbers that were fitted on clips of known offset and on clips with
 * the audio of others. Plain data, which can be written as JSON.
 *
 * `confidence = 1 / (1 + exp(-slope * (contrast - half - far)))`, where `half` is the contrast of `halfAt` for the
 * number of windows (linear in their logarithm between two points, constant beyond the ends), and `far` is `farPenalty`
 * for an offset of more than 15 frames, else 0.
 */
export type VerdictCalibration = {
  /** Where the numbers come from, for reports. */
  source: string;
  /** `[windows, contrast]`, windows rising: the contrast at which an offset is as likely right as wrong. */
  halfAt: [windows: number, contrast: number][];
  /** Growth of the logarithm of the odds for each unit of contrast. */
  slope: number;
  /** Contrast that an offset beyond 15 frames needs in addition. */
  farPenalty: number;
};

/**
 * The calibration for networks with embeddings of length 1 that have none of their own: an offset is as likely right as
 * wrong at a contrast of 7 for 1 s of video, 11 for 2 to 4 s, 12 from 8 s on, and 1 more beyond 15 frames. Chosen on
 * the clips of `bench/verdict-chosen.txt` and measured on others: `docs/verdict.md`.
 */
export const UNIT_CALIBRATION: VerdictCalibration = {
  source: 'unit embeddings, 2026-11-30',
  halfAt: [
    [16, 7],
    [41, 11],
    [91, 11],
    [191, 12],
  ],
  slope: 1,
  farPenalty: 1,
};

/** Refuses a calibration that cannot be used; returns it. */
export function assertCalibration(where: string, calibration: VerdictCalibration): VerdictCalibration {
  const { halfAt, slope, farPenalty } = calibration;
  const rising =
    Array.isArray(halfAt) &&
    halfAt.length > 0 &&
    halfAt.every(
      (point, i) => point.every(Number.isFinite) && point[0] > 0 && (i === 0 || point[0] > halfAt[i - 1][0]),
    );
  if (!rising) fail(TypeError, where, 'calibration.halfAt', '[windows, contrast] pairs, windows rising', halfAt);
  if (!(slope > 0 && Number.isFinite(slope))) fail(RangeError, where, 'calibration.slope', 'above 0', slope);
  if (!(farPenalty >= 0 && Number.isFinite(farPenalty)))
    fail(RangeError, where, 'calibration.farPenalty', 'at least 0', farPenalty);
  return calibration;
}

/**
 * The calibration for an expert: its own, `UNIT_CALIBRATION` for embeddings of length 1, else none.
 *
 * @example
 * const verdict = syncVerdict(score, { calibration: calibrationOf(expert) });
 */
export function calibrationOf({
  space,
  calibration,
}: Pick<ExpertFacts, 'space'> & { calibration?: VerdictCalibration }): VerdictCalibration | undefined {
  return calibration ?? (space === 'unit' ? UNIT_CALIBRATION : undefined);
}

/** The contrast at which an offset is as likely right as wrong. */
export function halfContrast({ halfAt }: VerdictCalibration, windows: number): number {
  const after = halfAt.findIndex(([count]) => count >= windows);
  if (after < 0) return halfAt.at(-1)![1];
  if (after === 0) return halfAt[0][1];
  const [[from, low], [to, high]] = [halfAt[after - 1], halfAt[after]];
  return low + ((high - low) * Math.log(windows / from)) / Math.log(to / from);
}
