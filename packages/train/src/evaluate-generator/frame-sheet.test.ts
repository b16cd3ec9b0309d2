import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { frameSheet } from './frame-sheet';

test('frameSheet puts columns side by side and frames below each other, enlarged to be seen', () => {
  const frame = (value: number) => new Uint8Array(80 * 104 * 3).fill(value);
  const png = decode(
    frameSheet(
      [
        [frame(10), frame(20)],
        [frame(30), frame(40)],
      ],
      { height: 104, width: 80 },
    ),
  );
  expect([png.width, png.height]).toEqual([2 * 164 + 4, 2 * 212 + 4]);
  const at = (x: number, y: number) => png.data[(y * png.width + x) * 3];
  expect([at(0, 0), at(4, 4), at(163, 211), at(164, 300), at(170, 5), at(5, 220), at(325, 420)]).toEqual([
    255, 10, 10, 255, 30, 20, 40,
  ]);
});

test('frameSheet refuses frames and columns of other sizes', () => {
  expect(() => frameSheet([], { height: 2, width: 2 })).toThrow('frameSheet: columns must be at least one');
  expect(() => frameSheet([[new Uint8Array(3)]], { height: 2, width: 2 })).toThrow(
    'frame must be 2 x 2 x 3 bytes long, got 3',
  );
});
