import { expect, test } from 'vitest';
import { lowerMedian, median, medianFilter } from './median';

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[-7], -7],
  [[10, 9, 100, 1], 9.5],
])('median of %j is %d, as in NumPy', (values, middle) => {
  expect(median(values)).toBe(middle);
});

test('median and lowerMedian do not change the order of their argument', () => {
  const values = [3, 1, 2];
  median(values);
  lowerMedian(values);
  expect(values).toEqual([3, 1, 2]);
});

test('lowerMedian takes the lower middle of an even count', () => {
  expect(lowerMedian([4, 1, 3, 2])).toBe(2);
  expect(lowerMedian([5, -1, 7])).toBe(5);
});

test('medianFilter pads with zeros as scipy.signal.medfilt does', () => {
  // scipy.signal.medfilt([3, 5, 4, 9, -2, 7], 5)
  expect([...medianFilter([3, 5, 4, 9, -2, 7], 5)]).toEqual([3, 4, 4, 5, 4, 0]);
  expect([...medianFilter([2, 3], 9)]).toEqual([0, 0]);
});

test('median functions refuse empty lists and windows without a middle', () => {
  expect(() => median([])).toThrow('median: values must be not empty');
  expect(() => lowerMedian([])).toThrow('lowerMedian: values must be not empty');
  expect(() => medianFilter([1], 4)).toThrow('medianFilter: size must be odd and above 0, got 4');
});
