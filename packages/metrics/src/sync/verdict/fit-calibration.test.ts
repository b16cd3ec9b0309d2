import { readFileSync } from 'node:fs';
import type { VerdictCalibration } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import { confidenceAt } from './calibration';
import type { CalibrationCase } from './calibration-case';
import { fitCalibration } from './fit-calibration';
import { reliabilityOf } from './reliability';

const TRUTH: VerdictCalibration = {
  source: 'truth',
  halfAt: [
    [16, 6],
    [41, 8],
    [191, 11],
  ],
  slope: 0.8,
  farPenalty: 2,
};
const LENGTHS = [
  { group: '1 s', windows: 16, durationSec: 1 },
  { group: '2 s', windows: 41, durationSec: 2 },
  { group: '8 s', windows: 191, durationSec: 8 },
];

/** Cases whose best offset is right with the probability that `TRUTH` gives to their contrast. */
function madeCases(count: number, seed: number): CalibrationCase[] {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => {
    const { group, windows, durationSec } = LENGTHS[i % LENGTHS.length];
    const far = random.uniform() < 0.3;
    const near = random.uniform() < 0.7 ? random.integer(5) - 2 : random.integer(31) - 15;
    const offsetFrames = far ? 16 + random.integer(40) : near;
    const contrast = 9 + 5 * random.normal();
    const right = random.uniform() < confidenceAt(TRUTH, { windows, contrast, offsetFrames });
    const trueOffset = right ? offsetFrames : random.uniform() < 0.2 ? offsetFrames + 5 : null;
    const offMargin = 4 * random.normal() + (Math.abs(trueOffset ?? 0) >= 3 ? 8 : 0);
    const curve = { windows, contrast, offsetFrames, atEdge: false, offMargin };
    return { person: `p${random.integer(40)}`, group, durationSec, curve, trueOffset };
  });
}

test('fitCalibration finds the calibration that made the cases, with confidences that are shares of right offsets', () => {
  const { calibration, reliability } = fitCalibration(madeCases(12000, 1), 'made');
  const { halfAt, slope, farPenalty, source, measured } = calibration;
  expect(source).toBe('made');
  expect(halfAt.map(([windows]) => windows)).toEqual([16, 41, 191]);
  // Standard errors are about 0.1 and 0.01.
  for (const [i, [, contrast]] of TRUTH.halfAt.entries()) expect(Math.abs(halfAt[i][1] - contrast)).toBeLessThan(0.4);
  expect(Math.abs(slope - TRUTH.slope)).toBeLessThan(0.05);
  expect(Math.abs(farPenalty - TRUTH.farPenalty)).toBeLessThan(0.4);
  expect(reliability.expectedCalibrationError).toBeLessThan(0.02);
  expect(measured).toMatchObject({ cases: 12000, people: 40 });
  expect(measured!.expectedCalibrationError).toBeCloseTo(reliability.expectedCalibrationError, 4);
});

test('of other audio at most 2 % of each group have an answer, and one less confidence lets more through', () => {
  const cases = madeCases(6000, 2);
  const { calibration, reliability } = fitCalibration(cases, 'made');
  for (const { other } of reliability.groups) expect(other!.answered).toBeLessThanOrEqual(0.02);
  expect(Math.max(...reliability.groups.map(({ other }) => other!.answered))).toBeGreaterThan(0.015);
  expect(calibration.least).toBeGreaterThan(0.5);
  expect(reliability.otherAnswered).toBeLessThanOrEqual(0.02);
  expect(reliability.trueRefused).toBeGreaterThan(0);
  for (const { true: own } of reliability.groups) expect(own!.right + own!.wrong + own!.refused).toBeCloseTo(1, 12);
});

test('the thresholds of offBy3 are exceeded by 1 % and 5 % of the cases within 2 frames', () => {
  const cases = madeCases(12000, 3);
  const { calibration, reliability } = fitCalibration(cases, 'made');
  const near = cases.filter(({ trueOffset }) => trueOffset !== null && Math.abs(trueOffset) <= 2);
  const limits = new Map(calibration.offBy3!.atFivePercent);
  const called = near.filter(({ curve }) => curve.offMargin > limits.get(curve.windows)!);
  expect(called.length / near.length).toBeCloseTo(0.05, 2);
  const { atOnePercent, atFivePercent } = reliability.offBy3!;
  expect(Math.abs(atOnePercent.falseAlarms - 0.01)).toBeLessThan(0.01); // on people that were not in the fit
  expect(Math.abs(atFivePercent.falseAlarms - 0.05)).toBeLessThan(0.02);
  expect(atFivePercent.found).toBeGreaterThan(atOnePercent.found);
  expect(atOnePercent.found).toBeGreaterThan(0.3); // normal: 8 above the mean, threshold 2.33 * 4 = 9.3
});

test('the same cases in another order give the same calibration', () => {
  const cases = madeCases(900, 4);
  const { calibration } = fitCalibration([...cases].reverse(), 'made');
  const other = fitCalibration(cases, 'made').calibration;
  expect(calibration.slope).toBeCloseTo(other.slope, 3);
  expect(calibration.least).toBeCloseTo(other.least!, 3);
});

test('offsets at the edge of the search are in no fit and have a confidence of 0', () => {
  const cases = madeCases(900, 5);
  const edge = cases.map((one) => ({ ...one, curve: { ...one.curve, atEdge: true, contrast: 40 }, trueOffset: null }));
  const { calibration, reliability } = fitCalibration([...cases, ...edge], 'made');
  expect(calibration.slope).toBeCloseTo(fitCalibration(cases, 'made').calibration.slope, 4);
  expect(reliability.bins[0].cases).toBeGreaterThanOrEqual(900);
});

test('the expected calibration error is that of NumPy', () => {
  const fixture = JSON.parse(readFileSync(new URL('../../../fixtures/calibration.json', import.meta.url), 'utf8')) as {
    rows: number[][];
    labels: boolean[];
    coefficients: number[];
    expectedCalibrationError: number;
  };
  const [intercept, slope, far] = fixture.coefficients;
  const calibration = {
    source: 'f',
    halfAt: [[1, -intercept / slope]] as [number, number][],
    slope,
    farPenalty: -far / slope,
  };
  const cases = fixture.rows.map(([, contrast, isFar], i): [CalibrationCase, VerdictCalibration] => {
    const offsetFrames = isFar ? 20 : 0;
    const curve = { windows: 50, contrast, offsetFrames, atEdge: false, offMargin: Number.NaN };
    const trueOffset = fixture.labels[i] ? offsetFrames : null;
    return [{ person: 'a', group: 'all', durationSec: 2, curve, trueOffset }, calibration];
  });
  const { expectedCalibrationError, trueRefused, offBy3 } = reliabilityOf(new Map(cases), 0.5);
  expect(expectedCalibrationError).toBeCloseTo(fixture.expectedCalibrationError, 9);
  expect([trueRefused, offBy3]).toEqual([undefined, undefined]);
});

test('cases that tell nothing are refused', () => {
  const cases = madeCases(300, 6);
  const wrong = cases.map((one) => ({ ...one, trueOffset: null }));
  expect(() => fitCalibration(wrong, 'made')).toThrow(
    'fitCalibration: cases must be some right and some wrong, got 0 of 300 right',
  );
  const turned = cases.map((one) => ({ ...one, curve: { ...one.curve, contrast: -one.curve.contrast } }));
  expect(() => fitCalibration(turned, 'made')).toThrow('more often right where the contrast is greater');
});
