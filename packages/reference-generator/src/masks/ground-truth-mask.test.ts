import { expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { readFixture } from '../testing/torch-numbers';
import { convexHull } from './convex-hull';
import { GROUND_TRUTH_POINTS, groundTruthMask, lowerHalfMask } from './ground-truth-mask';

type MaskCase = {
  name: string;
  spread: number;
  middle: number;
  dilation: number;
  height: number;
  width: number;
  corners: [number, number][];
  runs: number[];
};
const { masks } = readFixture<{ masks: MaskCase[] }>('masks');

const landmarksOf = ({ name, spread, middle }: Pick<MaskCase, 'name' | 'spread' | 'middle'>) =>
  formulaNumbers(name, 136, -1, 1).map((value) => middle + spread * value);

test.each(masks)('groundTruthMask, $name: hull as SciPy’s, pixels as scikit-image’s and OpenCV’s', (expected) => {
  const landmarks = landmarksOf(expected);
  const places = GROUND_TRUTH_POINTS.map((i) => [landmarks[2 * i], landmarks[2 * i + 1]] as const);
  const order = (corners: readonly (readonly number[])[]) => corners.map((corner) => corner.join()).sort();
  expect(order(convexHull(places))).toEqual(order(expected.corners));
  const { height, width, dilation, runs } = expected;
  const wanted = runs.flatMap((length, i) => new Array<number>(length).fill(i % 2));
  expect([...groundTruthMask(landmarks, { height, width, dilation })]).toEqual(wanted);
});

test('a pixel on the edge of the hull is inside, and a hull that is a line or a point is filled too', () => {
  const at = (...places: [number, number][]) => {
    const landmarks = new Float32Array(136);
    places.forEach(([x, y], i) => landmarks.set([x, y], 2 * i));
    const points = places.map((_, i) => i);
    return [...groundTruthMask(landmarks, { height: 3, width: 4, points, dilation: 1 })].join('');
  };
  expect(at([1, 0], [3, 0], [3, 2], [1, 2])).toBe('011101110111');
  expect(at([0, 0], [2, 2], [1, 1])).toBe('100001000010');
  expect(at([2, 1], [2, 1])).toBe('000000100000');
  expect(at([-5, 1], [9, 1], [2, 1.4])).toBe('000011110000');
});

test('lowerHalfMask is 1 from the middle row on', () => {
  expect([...lowerHalfMask(4, 2)].join('')).toBe('00001111');
  expect([...lowerHalfMask(3, 2)].join('')).toBe('001111');
});

test('groundTruthMask refuses other landmarks and dilations', () => {
  const landmarks = landmarksOf(masks[0]);
  const sides = { height: 8, width: 8 };
  expect(() => groundTruthMask(new Float32Array(10), sides)).toThrow(
    'groundTruthMask: landmarks must be 68 points, 136 numbers, got 10',
  );
  expect(() => groundTruthMask(landmarks, { ...sides, dilation: 10 })).toThrow(
    'dilation must be an odd whole number, got 10',
  );
  expect(() => groundTruthMask(landmarks, { ...sides, points: [68] })).toThrow(
    'points must be indices from 0 to 67, got 68',
  );
  expect(() => groundTruthMask(landmarks, { height: 0, width: 8 })).toThrow(
    'height must be a whole number above 0, got 0',
  );
  expect(() => groundTruthMask(landmarks.fill(Number.NaN), sides)).toThrow('landmarks must be finite numbers');
});
