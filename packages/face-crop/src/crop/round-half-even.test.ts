import { expect, test } from 'vitest';
import { roundHalfEven } from './round-half-even';

test.each([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [2.51, 3],
  [-0.5, 0],
  [-1.5, -2],
  [7, 7],
])('roundHalfEven of %d is %d', (value, rounded) => {
  expect(roundHalfEven(value) + 0).toBe(rounded);
});
