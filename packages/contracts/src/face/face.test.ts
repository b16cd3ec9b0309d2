import { expect, test } from 'vitest';
import { assertLandmarks68 } from './face';

test('assertLandmarks68 accepts 68 finite points and refuses other counts', () => {
  expect(() => assertLandmarks68('f', new Float32Array(136))).not.toThrow();
  expect(() => assertLandmarks68('f', new Float32Array(135))).toThrow('got 135');
});

test('assertLandmarks68 names the point that is not finite', () => {
  const points = new Float32Array(136);
  points[21] = Number.POSITIVE_INFINITY;
  expect(() => assertLandmarks68('f', points)).toThrow('f: points must be finite, got Infinity at point 10');
});
