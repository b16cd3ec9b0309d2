import { type ByWindows, fail, type VerdictCalibration } from '@lipsync/contracts';
import { lowerMedian } from '@lipsync/nn';
import { NEAR } from './calibration';
import { type CalibrationCase, isRight } from './calibration-case';
import { logisticRegression } from './logistic-regression';
import { type CalibrationReliability, reliabilityOf } from './reliability';

/** A calibration, and how it does on people whom the fit did not see. */
export type CalibrationFit = { calibration: VerdictCalibration; reliability: CalibrationReliability };

/** People are split into so many parts; each is measured with a fit on the others. */
const FOLDS = 5;

/** Most other audio that may have an answer, in each group of lengths. */
const OTHER_ANSWERED = 0.02;
const LEAST_ALLOWED = 0.5;

/** Groups whose lengths differ by less share a point of `halfAt`. */
const KNOTS_APART = 1.3;

/** Frames from which on audio is off, and up to which it is not. */
const OFF = 3;

/**
 * Fits a calibration: the chance that the best offset is within one frame of the truth, by a logistic regression on the
 * contrast, the number of windows and whether the offset is beyond 15 frames.
 *
 * `log odds = slope * contrast - slope * half(windows) - slope * farPenalty * [|offset| > 15]`, `half` linear in the
 * logarithm of the windows between the median lengths of the groups. Cases at the edge of the search are left out: they
 * have no answer. The confidence holds for the mix of cases that is given, such as one half of other audio.
 *
 * `least` is the smallest confidence from 0.5 on with which at most 2 % of the cases with other audio have an answer, in
 * each group; the thresholds of `offBy3` are such that 1 % and 5 % of the cases within 2 frames of 0 are above them. All
 * of `reliability`, and `least`, is measured on people whom the fit did not see: a fifth of them at a time.
 *
 * @param source name of the calibration, for reports.
 * @throws RangeError where no case is right or none is wrong, Error where a greater contrast is not more often right.
 * @example
 * const { calibration, reliability } = fitCalibration(cases, 'my network, 40 people');
 * console.log(reliability.expectedCalibrationError);
 */
export function fitCalibration(cases: readonly CalibrationCase[], source: string): CalibrationFit {
  const right = cases.filter(isRight).length;
  if (right === 0 || right === cases.length)
    fail(RangeError, 'fitCalibration', 'cases', 'some right and some wrong', `${right} of ${cases.length} right`);
  const knots = knotsOf(cases);
  const people = [...new Set(cases.map(({ person }) => person))].sort();
  const foldOf = new Map(people.map((person, i) => [person, i % FOLDS]));
  const heldOut = new Map<CalibrationCase, VerdictCalibration>();
  for (let fold = 0; fold < FOLDS; fold++) {
    const held = cases.filter(({ person }) => foldOf.get(person) === fold);
    if (held.length === 0) continue;
    const others = cases.filter(({ person }) => foldOf.get(person) !== fold);
    const fitted = fitOn(others.length > 0 ? others : cases, knots, source);
    for (const one of held) heldOut.set(one, fitted);
  }
  const fitted = fitOn(cases, knots, source);
  const least = leastOf(reliabilityOf(heldOut, LEAST_ALLOWED).confidences);
  const { confidences: _, ...reliability } = reliabilityOf(heldOut, least);
  const { expectedCalibrationError, otherAnswered, trueRefused } = reliability;
  const measured = {
    ...{ cases: cases.length, people: people.length },
    ...{ expectedCalibrationError: rounded(expectedCalibrationError), otherAnswered: rounded(otherAnswered) },
    ...(trueRefused === undefined ? {} : { trueRefused: rounded(trueRefused) }),
  };
  return { calibration: { ...fitted, least, measured }, reliability };
}

/** Median windows of the groups, rising, those nearly alike taken as one. */
function knotsOf(cases: readonly CalibrationCase[]): number[] {
  const groups = valuesByGroup(cases.map(({ group, curve }) => [group, curve.windows]));
  const knots: number[] = [];
  for (const windows of groups.map(lowerMedian).sort((a, b) => a - b))
    if (windows >= KNOTS_APART * (knots.at(-1) ?? 0)) knots.push(windows);
  return knots;
}

function valuesByGroup(pairs: readonly (readonly [string, number])[]): number[][] {
  const groups = new Map<string, number[]>(pairs.map(([group]) => [group, []]));
  for (const [group, value] of pairs) groups.get(group)!.push(value);
  return [...groups.values()];
}

function fitOn(
  cases: readonly CalibrationCase[],
  knots: readonly number[],
  source: string,
): VerdictCalibration & { least?: number } {
  const within = cases.filter(({ curve }) => !curve.atEdge);
  const labels = within.map(isRight);
  const rowOf = ({ curve }: CalibrationCase) => [...sharesOf(knots, curve.windows), curve.contrast];
  const isFar = ({ curve }: CalibrationCase) => (Math.abs(curve.offsetFrames) > NEAR ? 1 : 0);
  let coefficients = logisticRegression(
    within.map((one) => [...rowOf(one), isFar(one)]),
    labels,
  );
  // Far offsets are never taken for likelier than near ones.
  if (coefficients.at(-1)! > 0) coefficients = [...logisticRegression(within.map(rowOf), labels), 0];
  const [slope, far] = coefficients.slice(-2);
  if (!(slope > 0)) fail(Error, 'fitCalibration', 'cases', 'more often right where the contrast is greater', 'others');
  return {
    source,
    halfAt: knots.map((windows, i) => [windows, rounded(-coefficients[i] / slope)]),
    slope: rounded(slope),
    farPenalty: rounded(Math.max(0, -far / slope)),
    ...offBy3Of(cases, knots),
  };
}

/** How much of each point's value there is at a number of windows. */
function sharesOf(knots: readonly number[], windows: number): number[] {
  const at = Math.log(Math.min(knots.at(-1)!, Math.max(knots[0], windows)));
  return knots.map((knot, i) => {
    const [before, here, after] = [knots[i - 1] ?? knot, knot, knots[i + 1] ?? knot].map(Math.log);
    if (at === here) return 1;
    const share = at < here ? (at - before) / (here - before) : (after - at) / (after - here);
    return Number.isFinite(share) ? Math.max(0, share) : 0;
  });
}

function offBy3Of(cases: readonly CalibrationCase[], knots: readonly number[]): Pick<VerdictCalibration, 'offBy3'> {
  const byKnot = knots.map(() => [] as number[]);
  for (const { curve, trueOffset } of cases) {
    if (trueOffset === null || Math.abs(trueOffset) >= OFF || Number.isNaN(curve.offMargin)) continue;
    const distances = knots.map((knot) => Math.abs(Math.log(curve.windows / knot)));
    byKnot[distances.indexOf(Math.min(...distances))].push(curve.offMargin);
  }
  const thresholds = (share: number): ByWindows =>
    knots.flatMap((knot, i) => {
      const falling = byKnot[i].sort((a, b) => b - a);
      return falling.length > 0 ? [[knot, rounded(falling[Math.floor(share * falling.length)])]] : [];
    });
  const [atOnePercent, atFivePercent] = [thresholds(0.01), thresholds(0.05)];
  return atOnePercent.length > 0 ? { offBy3: { atOnePercent, atFivePercent } } : {};
}

/** The smallest confidence that lets through at most 2 % of the other audio of each group. */
function leastOf(confidences: ReadonlyMap<CalibrationCase, number>): number {
  const others = [...confidences].filter(([{ trueOffset }]) => trueOffset === null);
  const limits = valuesByGroup(others.map(([{ group }, confidence]) => [group, confidence])).map((group) => {
    const first = group.sort((a, b) => b - a)[Math.floor(OTHER_ANSWERED * group.length)];
    return Math.floor(1e4 * first + 1) / 1e4;
  });
  return Math.min(0.9999, Math.max(LEAST_ALLOWED, ...limits));
}

const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
