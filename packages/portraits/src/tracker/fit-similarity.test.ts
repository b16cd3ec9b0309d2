import { expect, test } from 'vitest';
import type { Matrix3 } from '../post-processing/camera';
import { rotated } from '../post-processing/camera';
import { numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { fitSimilarity } from './fit-similarity';
import { POSE_WEIGHTS } from './mean-face';

type Fit = { dimensions: 2 | 3; points: number[]; scale: number; rotation: number[]; shift: number[] };

test.each(readFixture<{ fits: Fit[] }>('tracker').fits.map((fit, k) => ({ ...fit, k })))(
  'fitSimilarity in $dimensions dimensions finds what SciPy’s least_squares finds, head $k',
  ({ dimensions, points, scale, rotation, shift, k }) => {
    const own = fitSimilarity(numbers(`shape ${k}`, [68, 3], -5, 5), { points, dimensions, weights: POSE_WEIGHTS });
    expect(own.scale / scale).toBeCloseTo(1, 6);
    expect(relativeDifference(own.rotation, rotation)).toBeLessThan(1e-6);
    expect(relativeDifference(own.shift.slice(0, dimensions), shift)).toBeLessThan(1e-6);
  },
);

test('fitSimilarity finds a shape that was turned, scaled and moved', () => {
  const shape = numbers('shape', [68, 3], -1, 1);
  const turn: Matrix3 = [0, -1, 0, 1, 0, 0, 0, 0, 1];
  const points = Float64Array.from({ length: 136 }, (_, i) => {
    const at = 3 * (i >> 1);
    return 3 * rotated(turn, shape[at], shape[at + 1], shape[at + 2])[i % 2] + 7;
  });
  const own = fitSimilarity(shape, { points, dimensions: 2, weights: new Float64Array(68).fill(1) });
  expect(own.scale).toBeCloseTo(3, 9);
  own.rotation.forEach((value, i) => expect(value).toBeCloseTo(turn[i], 9));
  expect(own.shift[0]).toBeCloseTo(7, 9);
});
