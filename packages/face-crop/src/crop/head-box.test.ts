import { expect, test } from 'vitest';
import { headBox, headBoxOf, headRegion } from './head-box';

test.each([
  [8, { height: 13, width: 10, top: 4, left: 1 }],
  [14, { height: 22, width: 16, top: 7, left: 1 }],
  [64, { height: 104, width: 80, top: 32, left: 8 }],
  [128, { height: 208, width: 160, top: 64, left: 16 }],
  [256, { height: 416, width: 320, top: 128, left: 32 }],
])('headBox of %d pixels has DINet’s sizes', (mouth, sizes) => {
  expect(headBox(mouth)).toEqual({ ...sizes, mouth });
});

test('headBoxOf is the inverse of headBox for every side up to 1000', () => {
  for (let mouth = 8; mouth <= 1000; mouth += 2) expect(headBoxOf(headBox(mouth))).toEqual(headBox(mouth));
});

test('headRegion starts r above point 29 and r + q left of point 33, at whole pixels', () => {
  const points = new Float32Array(272);
  points.set([100.7], 136 + 66);
  points.set([50.2], 136 + 59);
  expect(headRegion(points, 64, 136)).toEqual({ left: 100 - 32 - 8, top: 50 - 32, width: 80, height: 104 });
});

test('sides and images of other proportions are refused', () => {
  for (const mouth of [6, 9, 64.5, Number.NaN]) {
    expect(() => headBox(mouth)).toThrow(
      `headBox: mouth must be an even whole number of pixels, at least 8, got ${mouth}`,
    );
  }
  expect(() => headBoxOf({ height: 80, width: 80 })).toThrow(
    'headBoxOf: image must be of 2r + 2q by 3r + q pixels with q = floor(r / 4), got [80, 80]',
  );
  expect(() => headBoxOf({ height: 1, width: 1 })).toThrow('headBoxOf: image');
});
