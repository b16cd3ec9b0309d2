import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { pictureSheet } from './evaluate-dinet-sheet';

test('pictureSheet puts columns side by side and pictures below each other, as large as can be seen', () => {
  const picture = (value: number) => new Uint8Array(80 * 104 * 3).fill(value);
  const png = decode(pictureSheet([[picture(10), picture(20)], [picture(30), picture(40)]], { height: 104, width: 80 }));
  expect([png.width, png.height]).toEqual([2 * 164 + 4, 2 * 212 + 4]);
  const at = (x: number, y: number) => png.data[(y * png.width + x) * 3];
  expect([at(0, 0), at(4, 4), at(163, 211), at(164, 300), at(170, 5), at(5, 220), at(325, 420)]).toEqual([255, 10, 10, 255, 30, 20, 40]);
});

test('pictureSheet refuses pictures and columns of other sizes', () => {
  expect(() => pictureSheet([], { height: 2, width: 2 })).toThrow('pictureSheet: columns must be at least one');
  expect(() => pictureSheet([[new Uint8Array(3)]], { height: 2, width: 2 })).toThrow('picture must be 2 x 2 x 3 bytes long, got 3');
});
