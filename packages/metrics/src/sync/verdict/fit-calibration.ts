import { type ByWindows, fail, type VerdictCalibration } from '@lipsync/contracts';
import { lowerMedian } from '@lipsync/nn';
import { NEAR, valueAt } from './calibration';
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

/** Frames from which on audio is off, and up to which it is not. */
const OFF = 3;

/**
 * Fits a calibration: the chance that the best offset is within one frame of the truth, by a logistic regression on the
 * contrast, the number of windows and whether the offset is beyond 15 frames.
 *
 * `log odds = slope * contrast - slope * half(windows) - slope * farPenalty * [|offset| > 15]`, `half` linear in the
 * logarithm of the windows between the lengths of the groups; a group of mixed lengths adds no point. Cases at the edge of
 * the search are left out: they have no answer. The confidence holds for the mix of cases that is given, such as one half of other audio.
 *
 * `least` is the smallest confidence from 0.5 on with which at most 2 % of the cases with other audio have an answer, in
 * each group; the thresholds of `offBy3` are those that at most 1 % and 5 % of the cases within 2 frames of 0 exceed. Both,
 * and all of `reliability`, are measured on people whom the fit did not see: a fifth of them at a time.
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
  const folds = foldsOf(cases);
  const shares = marginShares(folds, knots);
  const fitOn = (some: readonly CalibrationCase[]) => ({
    source,
    ...confidenceFit(some, knots),
    ...offBy3Of(some, knots, shares),
  });
  const heldOut = new Map<CalibrationCase, VerdictCalibration>();
  for (const { held, others } of folds) {
    const fitted = fitOn(others);
    for (const one of held) heldOut.set(one, fitted);
  }
  const fitted = fitOn(cases);
  const least = leastOf(reliabilityOf(heldOut, LEAST_ALLOWED).confidences);
  const { confidences: _, ...reliability } = reliabilityOf(heldOut, least);
  const { expectedCalibrationError, otherAnswered, trueRefused } = reliability;
  const measured = {
    ...{ cases: cases.length, people: new Set(cases.map(({ person }) => person)).size },
    ...{ expectedCalibrationError: rounded(expectedCalibrationError), otherAnswered: rounded(otherAnswered) },
    ...(trueRefused === undefined ? {} : { trueRefused: rounded(trueRefused) }),
  };
  return { calibration: { ...fitted, least, measured }, reliability };
}

type Fold = { held: CalibrationCase[]; others: readonly CalibrationCase[] };

/** A fifth of the people at a time, and the cases of all others; one person alone is measured with its own fit. */
function foldsOf(cases: readonly CalibrationCase[]): Fold[] {
  const people = [...new Set(cases.map(({ person }) => person))].sort();
  const foldOf = new Map(people.map((person, i) => [person, i % FOLDS]));
  return Array.from({ length: Math.min(FOLDS, people.length) }, (_, fold) => {
    const others = cases.filter(({ person }) => foldOf.get(person) !== fold);
    return {
      held: cases.filter(({ person }) => foldOf.get(person) === fold),
      others: others.length > 0 ? others : cases,
    };
  });
}

/** Windows of the groups of one length, rising; where all are mixed, their medians. */
function knotsOf(cases: readonly CalibrationCase[]): number[] {
  const groups = valuesByGroup(cases.map(({ group, curve }) => [group, curve.windows]));
  const even = groups.filter((windows) => windows.every((count) => count === windows[0]));
  return [...new Set((even.length > 0 ? even : groups).map(lowerMedian))].sort((a, b) => a - b);
}

function valuesByGroup(pairs: readonly (readonly [string, number])[]): number[][] {
  const groups = new Map<string, number[]>(pairs.map(([group]) => [group, []]));
  for (const [group, value] of pairs) groups.get(group)!.push(value);
  return [...groups.values()];
}

function confidenceFit(
  cases: readonly CalibrationCase[],
  knots: readonly number[],
): Pick<VerdictCalibration, 'halfAt' | 'slope' | 'farPenalty'> {
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
    halfAt: knots.map((windows, i) => [windows, rounded(-coefficients[i] / slope)]),
    slope: rounded(slope),
    farPenalty: rounded(Math.max(0, -far / slope)),
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

type Shares = Record<'atOnePercent' | 'atFivePercent', number>;

/** Tried in turn, as shares of the false alarms that are asked for. */
const FACTORS = Array.from({ length: 21 }, (_, i) => 1 - i / 20);

/**
 * Shares of the fit's cases above the thresholds: the largest with which people outside the fit have no more false alarms
 * than asked for.
 */
function marginShares(folds: readonly Fold[], knots: readonly number[]): Shares {
  const found = (asked: number) => {
    const share = FACTORS.map((factor) => factor * asked).find((some) => {
      const counts = folds.map(({ held, others }) => {
        const limits = marginThresholds(others, knots, some);
        const near = held.filter(isNear);
        if (limits.length === 0) return { near: near.length, above: 0 };
        const above = near.filter(({ curve }) => curve.offMargin > valueAt(limits, curve.windows)).length;
        return { near: near.length, above };
      });
      const sum = (pick: (count: (typeof counts)[number]) => number) => counts.reduce((all, one) => all + pick(one), 0);
      return sum(({ above }) => above) <= asked * sum(({ near }) => near);
    });
    return share ?? 0;
  };
  return { atOnePercent: found(0.01), atFivePercent: found(0.05) };
}

const isNear = ({ curve, trueOffset }: CalibrationCase) =>
  trueOffset !== null && Math.abs(trueOffset) < OFF && !Number.isNaN(curve.offMargin);

function offBy3Of(
  cases: readonly CalibrationCase[],
  knots: readonly number[],
  shares: Shares,
): Pick<VerdictCalibration, 'offBy3'> {
  const atOnePercent = marginThresholds(cases, knots, shares.atOnePercent);
  const atFivePercent = marginThresholds(cases, knots, shares.atFivePercent);
  return atOnePercent.length > 0 ? { offBy3: { atOnePercent, atFivePercent } } : {};
}

/** The margin that a share of the cases within 2 frames of 0 exceeds, of the lengths nearest to each point. */
function marginThresholds(cases: readonly CalibrationCase[], knots: readonly number[], share: number): ByWindows {
  const margins = knots.map(() => [] as number[]);
  for (const { curve } of cases.filter(isNear)) {
    const distances = knots.map((knot) => Math.abs(Math.log(curve.windows / knot)));
    margins[distances.indexOf(Math.min(...distances))].push(curve.offMargin);
  }
  return knots.flatMap((knot, i) => {
    const falling = margins[i].sort((a, b) => b - a);
    return falling.length > 0 ? [[knot, rounded(falling[Math.floor(share * falling.length)])]] : [];
  });
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
