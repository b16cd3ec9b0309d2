import { expect, test } from 'vitest';
import { lowerMedian, medianFilter } from './median-filter';

test('lowerMedian takes the lower middle of an even count and leaves its argument alone', () => {
  const values = [4, 1, 3, 2];
  expect(lowerMedian(values)).toBe(2);
  expect(values).toEqual([4, 1, 3, 2]);
  expect(lowerMedian([5, -1, 7])).toBe(5);
});

test('medianFilter pads with zeros as scipy.signal.medfilt does', () => {
  // scipy.signal.medfilt([3, 5, 4, 9, -2, 7], 5)
  expect([...medianFilter([3, 5, 4, 9, -2, 7], 5)]).toEqual([3, 4, 4, 5, 4, 0]);
  expect([...medianFilter([2, 3], 9)]).toEqual([0, 0]);
});

test('median functions refuse what has no middle', () => {
  expect(() => lowerMedian([])).toThrow('lowerMedian: values must be not empty');
  expect(() => medianFilter([1], 4)).toThrow('medianFilter: size must be odd and above 0, got 4');
});
