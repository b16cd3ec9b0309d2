import { fail } from '../common/fail';

/** Values by the number of windows, windows rising: linear in their logarithm between two points, constant beyond the ends. */
export type ByWindows = [windows: number, value: number][];

/**
 * How the evidence for an offset becomes a confidence: numbers that were fitted to clips of known offset and to clips
 * with other audio. They hold for one network, so they are kept in its weights file. Plain data.
 *
 * `confidence = 1 / (1 + exp(-slope * (contrast - half - far)))`, where `half` is the value of `halfAt` for the number
 * of windows, and `far` is `farPenalty` for an offset of more than 15 frames, else 0.
 */
export type VerdictCalibration = {
  /** Where the numbers come from, for reports. */
  source: string;
  /** The contrast at which an offset is as likely right as wrong. */
  halfAt: ByWindows;
  /** Growth of the logarithm of the odds for each unit of contrast. */
  slope: number;
  /** Contrast that an offset beyond 15 frames needs in addition. */
  farPenalty: number;
  /** Least confidence of an answer, 0..1. Default 0.5. */
  least?: number;
  /**
   * The margin (`offMargin` of the verdict's curve) above which audio is off by 3 frames or more, so that this is said
   * of 1 % and of 5 % of the clips that are off by at most 2. Default: nothing is said.
   */
  offBy3?: { atOnePercent: ByWindows; atFivePercent: ByWindows };
  /** What the fit measured on clips of people that it did not see. */
  measured?: {
    cases: number;
    people: number;
    /** Mean distance of confidence and share of right offsets over tenths of the confidence, 0..1. */
    expectedCalibrationError: number;
    /** Share of cases with other audio that have an answer, 0..1. */
    otherAnswered: number;
    /** Share of cases with the right audio, of 3 s and more, that have none, 0..1; missing without such cases. */
    trueRefused?: number;
  };
};

const VERSION = 1;

/**
 * Refuses a calibration that cannot be used; returns it.
 *
 * @param where names the caller's function in errors.
 * @throws TypeError or RangeError that names the field.
 * @example
 * const calibration = assertVerdictCalibration('myScore', { source: 'mine', halfAt: [[16, 7]], slope: 1, farPenalty: 0 });
 */
export function assertVerdictCalibration(where: string, calibration: VerdictCalibration): VerdictCalibration {
  const { source, halfAt, slope, farPenalty, least = 0.5, offBy3 } = calibration;
  if (typeof source !== 'string') fail(TypeError, where, 'calibration.source', 'a text', source);
  assertByWindows(where, 'halfAt', halfAt, 'contrast');
  if (!(slope > 0 && Number.isFinite(slope))) fail(RangeError, where, 'calibration.slope', 'above 0', slope);
  if (!(farPenalty >= 0 && Number.isFinite(farPenalty)))
    fail(RangeError, where, 'calibration.farPenalty', 'at least 0', farPenalty);
  if (!(least > 0 && least < 1)) fail(RangeError, where, 'calibration.least', 'between 0 and 1', least);
  for (const name of ['atOnePercent', 'atFivePercent'] as const)
    if (offBy3 !== undefined) assertByWindows(where, `offBy3.${name}`, offBy3[name], 'margin');
  return calibration;
}

function assertByWindows(where: string, name: string, points: unknown, value: string): void {
  const isPoint = (point: unknown): point is [number, number] =>
    Array.isArray(point) && point.length === 2 && point.every(Number.isFinite) && point[0] > 0;
  const rising =
    Array.isArray(points) &&
    points.length > 0 &&
    points.every((point, i) => isPoint(point) && (i === 0 || point[0] > points[i - 1][0]));
  if (!rising) fail(TypeError, where, `calibration.${name}`, `[windows, ${value}] pairs, windows rising`, points);
}

/**
 * A calibration as the text that a weights file keeps under the metadata key `calibration`: JSON with its version, 1.
 *
 * @example
 * const metadata = { calibration: calibrationText(calibration) };
 */
export function calibrationText(calibration: VerdictCalibration): string {
  return JSON.stringify({ version: VERSION, ...assertVerdictCalibration('calibrationText', calibration) });
}

/**
 * The calibration of a weights file, from its metadata.
 *
 * @param where names the caller's function in errors.
 * @param text what `calibrationText` made; undefined where the file has none.
 * @returns undefined where the file has none.
 * @throws Error for a text that is no JSON or of another version, TypeError or RangeError for one that cannot be used.
 * @example
 * const calibration = readCalibration('loadExpert', metadata.calibration);
 */
export function readCalibration(where: string, text: string | undefined): VerdictCalibration | undefined {
  if (text === undefined) return undefined;
  const named = "the file's calibration metadata";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail(Error, where, named, 'JSON', text);
  }
  if (typeof value !== 'object' || value === null) return fail(Error, where, named, 'an object', text);
  const { version, ...calibration } = value as VerdictCalibration & { version?: unknown };
  if (version !== VERSION) fail(Error, where, `${named}: version`, `${VERSION}`, version);
  return assertVerdictCalibration(where, calibration);
}
