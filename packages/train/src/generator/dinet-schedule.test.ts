import { expect, test } from 'vitest';
import { dinetSchedule } from './dinet-schedule';

test.each([
  [0, 1],
  [200, 1],
  [201, 1 - 1 / 201],
  [300, 1 - 100 / 201],
  [400, 1 - 200 / 201],
  [401, 0],
  [1000, 0],
])('dinetSchedule(%d) is %d', (epoch, share) => {
  expect(dinetSchedule(epoch)).toBeCloseTo(share, 14); // measured 0
});

test('dinetSchedule takes other lengths and refuses what is no epoch', () => {
  expect(dinetSchedule(15, { constant: 10, decay: 9 })).toBeCloseTo(0.5, 14); // measured 0
  expect(() => dinetSchedule(-1)).toThrow('dinetSchedule: epoch must be a number from 0, got -1');
  expect(() => dinetSchedule(1, { decay: NaN })).toThrow('decay must be a number from 0, got NaN');
});
