import { expect, test } from 'vitest';
import { shrinkImage } from './shrink-image';

const grey = (width: number, height: number, values: number[]) => ({
  data: Uint8Array.from(values.flatMap((value) => [value, value, value])),
  width,
  height,
});

test('shrinkImage takes the mean of the area of each pixel', () => {
  expect(shrinkImage(grey(2, 2, [10, 20, 30, 44]), { width: 1, height: 1 })).toEqual(grey(1, 1, [26]));
  // 3 columns into 2: the middle one goes half into each.
  expect(shrinkImage(grey(3, 1, [0, 90, 240]), { width: 2, height: 1 })).toEqual(grey(2, 1, [30, 190]));
});

test('shrinkImage keeps an even image even, whatever the sizes', () => {
  const { data } = shrinkImage(grey(37, 23, Array(37 * 23).fill(201)), { width: 13, height: 9 });
  expect(new Set(data)).toEqual(new Set([201]));
});

test('shrinkImage returns an image of the size that is asked for as it is', () => {
  const image = grey(2, 1, [1, 2]);
  expect(shrinkImage(image, { width: 2, height: 1 })).toBe(image);
});
