import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { Canvas, pngOf } from './canvas';
import { contactSheet } from './contact-sheet';
import type { SeenCrop } from './crop-collector';

const crop = (frameIndex: number): SeenCrop => ({
  frameIndex,
  width: 56,
  height: 56,
  data: new Uint8Array(56 * 56 * 3).fill(frameIndex),
});
const pixel = ({ data, width }: Canvas, x: number, y: number) => data[3 * (y * width + x)];

test('contactSheet puts crops beside each other, eight in a row, faces below each other, each crop enlarged', () => {
  const sheet = contactSheet([Array.from({ length: 9 }, (_, i) => crop(10 + i)), [crop(200)]])!;
  expect(sheet.width).toBe(6 + 8 * 118);
  const row = 112 + 10 + 18;
  expect(sheet.height).toBe(3 * row + 18);
  expect([0, 1, 7].map((i) => pixel(sheet, 6 + i * 118, 6))).toEqual([10, 11, 17]);
  expect(pixel(sheet, 6, 6 + row)).toBe(18);
  expect(pixel(sheet, 6, 6 + 2 * row + 12)).toBe(200);
  expect(contactSheet([])).toBeNull();
});

test('the number of the frame stands below its crop', () => {
  const sheet = contactSheet([[{ ...crop(0), frameIndex: 74 }]])!;
  const dots = Array.from({ length: 5 }, (_, y) =>
    Array.from({ length: 7 }, (_, x) => (pixel(sheet, 6 + 2 * x, 6 + 112 + 6 + 2 * y) < 128 ? '#' : '.')).join(''),
  );
  expect(dots).toEqual(['###.#.#', '..#.#.#', '.#..###', '.#....#', '.#....#']);
});

test('pngOf keeps every pixel', () => {
  const canvas = new Canvas(3, 2, 255);
  canvas.data.set([1, 2, 3], 9);
  expect(decode(pngOf(canvas))).toMatchObject({ width: 3, height: 2, channels: 3, data: canvas.data });
});
