import { expect, test } from 'vitest';
import {
  assertVerdictCalibration,
  calibrationText,
  readCalibration,
  type VerdictCalibration,
} from './verdict-calibration';

const calibration: VerdictCalibration = {
  source: 'made',
  halfAt: [
    [16, 7],
    [91, 11],
  ],
  slope: 0.8,
  farPenalty: 1.5,
  least: 0.7,
  offBy3: { atOnePercent: [[16, 3]], atFivePercent: [[16, 1.5]] },
  measured: { cases: 200, people: 20, expectedCalibrationError: 0.02, otherAnswered: 0.01 },
};

test('readCalibration gives what calibrationText was given, and nothing for nothing', () => {
  expect(JSON.parse(calibrationText(calibration)).version).toBe(1);
  expect(readCalibration('load', calibrationText(calibration))).toEqual(calibration);
  expect(readCalibration('load', undefined)).toBeUndefined();
});

test.each([
  ['{', "load: the file's calibration metadata must be JSON, got {"],
  ['3', "load: the file's calibration metadata must be an object, got 3"],
  ['{}', "load: the file's calibration metadata: version must be 1, got undefined"],
  ['{"version":2}', 'version must be 1, got 2'],
  ['{"version":1,"source":"x","slope":1}', 'calibration.halfAt must be [windows, contrast] pairs'],
])('readCalibration refuses %s', (text, message) => {
  expect(() => readCalibration('load', text)).toThrow(message);
});

test.each([
  [{ source: undefined as never }, 'f: calibration.source must be a text, got undefined'],
  [{ halfAt: [] }, 'f: calibration.halfAt must be [windows, contrast] pairs, windows rising, got []'],
  [{ halfAt: [[41, 9] as [number, number], [16, 7] as [number, number]] }, 'windows rising, got [41,9, 16,7]'],
  [{ slope: Number.NaN }, 'f: calibration.slope must be above 0, got NaN'],
  [{ farPenalty: -1 }, 'f: calibration.farPenalty must be at least 0, got -1'],
  [{ least: 1 }, 'f: calibration.least must be between 0 and 1, got 1'],
  [
    { offBy3: { atOnePercent: [[0, 1]], atFivePercent: [[1, 1]] } },
    'calibration.offBy3.atOnePercent must be [windows,',
  ],
] as [Partial<VerdictCalibration>, string][])('a calibration with %o is refused', (change, message) => {
  expect(() => assertVerdictCalibration('f', { ...calibration, ...change })).toThrow(message);
  expect(assertVerdictCalibration('f', calibration)).toBe(calibration);
});
