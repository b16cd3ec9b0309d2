import { expect, test } from 'vitest';
import { cropJitter } from './crop-jitter';

const poses = (frameCount: number, pose: (frame: number) => number[]) =>
  Float32Array.from(Array.from({ length: frameCount }, (_, i) => pose(i)).flat());

test('a crop that stands still or moves evenly has none', () => {
  const { side, centre, angle } = cropJitter(poses(30, (i) => [100 + 2 * i, 50 - i, 80, 0.25 * i]));
  expect(side).toBe(0);
  expect(centre).toBeLessThan(1e-6); // measured 0
  expect(angle).toBeLessThan(1e-6);
});

test('the side counts by its standard deviation, the centre by its second difference in sides', () => {
  const restless = poses(1000, (i) => [100 + (i % 2), 50, i % 2 === 0 ? 70 : 90, 0]);
  expect(cropJitter(restless).side).toBeCloseTo(10, 6); // measured 0
  expect(cropJitter(restless).centre).toBeCloseTo(2 / 80, 6);
});

test('few frames have no second difference, and rows must be whole', () => {
  expect(cropJitter(poses(2, (i) => [i * 50, 0, 10, i]))).toEqual({ side: 0, centre: 0, angle: 0 });
  expect(() => cropJitter(new Float32Array(5))).toThrow(
    'cropJitter: poses must be rows of 4 numbers, at least one, got 5',
  );
});
