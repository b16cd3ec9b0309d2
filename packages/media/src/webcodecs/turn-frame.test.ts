import { expect, test } from 'vitest';
import { type QuarterTurns, type RgbImage, storedRegion, turnImage } from './turn-frame';

/** Pixels that are numbered row by row, all three colours alike. */
const numbered = (width: number, height: number) => ({
  data: Uint8Array.from({ length: 3 * width * height }, (_, i) => Math.floor(i / 3)),
  width,
  height,
});
const numbers = ({ data }: { data: Uint8Array }) => [...data].filter((_, i) => i % 3 === 0);

test('turnImage turns clockwise', () => {
  const image = numbered(3, 2); // 0 1 2 / 3 4 5
  expect(turnImage(image, 0)).toBe(image);
  expect(numbers(turnImage(image, 90))).toEqual([3, 0, 4, 1, 5, 2]);
  expect(numbers(turnImage(image, 180))).toEqual([5, 4, 3, 2, 1, 0]);
  expect(numbers(turnImage(image, 270))).toEqual([2, 5, 1, 4, 0, 3]);
  expect(turnImage(image, 90)).toMatchObject({ width: 2, height: 3 });
  expect(turnImage(image, 180)).toMatchObject({ width: 3, height: 2 });
});

test.each([0, 90, 180, 270] as QuarterTurns[])(
  'a region of a frame turned by %d is the turned storedRegion',
  (degrees) => {
    const stored = numbered(9, 7);
    const upright = turnImage(stored, degrees);
    const cut = (
      image: RgbImage,
      { left, top, width, height }: { left: number; top: number; width: number; height: number },
    ) => {
      const rows = Array.from({ length: height }, (_, y) => {
        const start = 3 * ((top + y) * image.width + left);
        return [...image.data.subarray(start, start + 3 * width)];
      });
      return { data: Uint8Array.from(rows.flat()), width, height };
    };
    const region = { left: 1, top: 2, width: 4, height: 3 };
    expect(turnImage(cut(stored, storedRegion(region, stored, degrees)), degrees)).toEqual(cut(upright, region));
  },
);
