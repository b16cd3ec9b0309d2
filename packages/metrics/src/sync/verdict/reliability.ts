import type { VerdictCalibration } from '@lipsync/contracts';
import { confidenceAt, valueAt } from './calibration';
import { type CalibrationCase, isRight } from './calibration-case';

/** Cases whose confidences lie in one tenth. */
export type ReliabilityBin = { from: number; to: number; cases: number; meanConfidence: number; shareRight: number };

/** What answers are like for clips of one length, shares 0..1; null where there are no such cases. */
export type ReliabilityGroup = {
  group: string;
  expectedCalibrationError: number;
  /** With the right audio: an offset within one frame, another one, no answer. */
  true: { cases: number; right: number; wrong: number; refused: number } | null;
  /** With other audio: any answer. */
  other: { cases: number; answered: number } | null;
};

/** How far confidences can be taken by their word, and how often there is an answer. */
export type CalibrationReliability = {
  /** Mean distance of confidence and share of right offsets over tenths of the confidence, by number of cases. */
  expectedCalibrationError: number;
  /** Tenths of the confidence that occur. */
  bins: ReliabilityBin[];
  groups: ReliabilityGroup[];
  /** Share of all cases with other audio that have an answer. */
  otherAnswered: number;
  /** Share of the cases with the right audio, of 3 s and more, that have no answer; undefined without such cases. */
  trueRefused?: number;
  /** Share called off by 3 frames or more: of cases off by at most 2, and of cases off by 3 or more. */
  offBy3?: Record<'atOnePercent' | 'atFivePercent', { falseAlarms: number; found: number }>;
};

const TENTHS = 10;
const LONG_SEC = 3;

/** Measures cases, each with the calibration that belongs to it; the edge of the search has a confidence of 0. */
export function reliabilityOf(
  cases: ReadonlyMap<CalibrationCase, VerdictCalibration>,
  least: number,
): CalibrationReliability & { confidences: Map<CalibrationCase, number> } {
  const confidences = new Map(
    [...cases].map(([one, calibration]) => [one, one.curve.atEdge ? 0 : confidenceAt(calibration, one.curve)]),
  );
  const all = [...confidences].map(([one, confidence]) => ({ one, confidence, answered: confidence >= least }));
  const bins = binsOf(all);
  const others = all.filter(({ one }) => one.trueOffset === null);
  const long = all.filter(({ one }) => one.trueOffset !== null && one.durationSec >= LONG_SEC);
  const offBy3 = offBy3Of(cases);
  return {
    confidences,
    bins,
    expectedCalibrationError: errorOf(bins),
    groups: [...new Set(all.map(({ one }) => one.group))].map((group) => {
      const some = all.filter(({ one }) => one.group === group);
      return { group, expectedCalibrationError: errorOf(binsOf(some)), ...answersOf(some) };
    }),
    otherAnswered: share(others, ({ answered }) => answered),
    ...(long.length > 0 ? { trueRefused: share(long, ({ answered }) => !answered) } : {}),
    ...(offBy3 ? { offBy3 } : {}),
  };
}

type Judged = { one: CalibrationCase; confidence: number; answered: boolean };

function answersOf(some: readonly Judged[]): Pick<ReliabilityGroup, 'true' | 'other'> {
  const own = some.filter(({ one }) => one.trueOffset !== null);
  const other = some.filter(({ one }) => one.trueOffset === null);
  return {
    true:
      own.length > 0
        ? {
            cases: own.length,
            right: share(own, ({ one, answered }) => answered && isRight(one)),
            wrong: share(own, ({ one, answered }) => answered && !isRight(one)),
            refused: share(own, ({ answered }) => !answered),
          }
        : null,
    other: other.length > 0 ? { cases: other.length, answered: share(other, ({ answered }) => answered) } : null,
  };
}

function binsOf(some: readonly Judged[]): ReliabilityBin[] {
  return Array.from({ length: TENTHS }, (_, i) => {
    const inside = some.filter(({ confidence }) => Math.min(TENTHS - 1, Math.floor(TENTHS * confidence)) === i);
    return {
      from: i / TENTHS,
      to: (i + 1) / TENTHS,
      cases: inside.length,
      meanConfidence: inside.reduce((sum, { confidence }) => sum + confidence, 0) / inside.length,
      shareRight: share(inside, ({ one }) => isRight(one)),
    };
  }).filter(({ cases }) => cases > 0);
}

function errorOf(bins: readonly ReliabilityBin[]): number {
  const total = bins.reduce((sum, { cases }) => sum + cases, 0);
  return bins.reduce(
    (sum, { cases, meanConfidence, shareRight }) => sum + (cases / total) * Math.abs(meanConfidence - shareRight),
    0,
  );
}

function offBy3Of(cases: ReadonlyMap<CalibrationCase, VerdictCalibration>): CalibrationReliability['offBy3'] {
  const known = [...cases].filter(([{ trueOffset }, { offBy3 }]) => trueOffset !== null && offBy3 !== undefined);
  const near = known.filter(([{ trueOffset }]) => Math.abs(trueOffset!) < 3);
  const off = known.filter(([{ trueOffset }]) => Math.abs(trueOffset!) >= 3);
  if (near.length === 0 || off.length === 0) return undefined;
  const called = (name: 'atOnePercent' | 'atFivePercent') => {
    const isOff = ([{ curve }, { offBy3 }]: [CalibrationCase, VerdictCalibration]) =>
      curve.offMargin > valueAt(offBy3![name], curve.windows);
    return { falseAlarms: share(near, isOff), found: share(off, isOff) };
  };
  return { atOnePercent: called('atOnePercent'), atFivePercent: called('atFivePercent') };
}

const share = <A>(list: readonly A[], holds: (one: A) => boolean) =>
  list.length > 0 ? list.filter(holds).length / list.length : 0;
