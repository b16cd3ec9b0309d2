import { expect, test } from 'vitest';
import { median } from './median';

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[-7], -7],
  [[10, 9, 100, 1], 9.5],
])('median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle);
});

test('median leaves its argument in order', () => {
  const values = [3, 1, 2];
  median(values);
  expect(values).toEqual([3, 1, 2]);
});
