import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { noiseImage } from '../testing/noise-image';
import { sampleInto, sampleSquare } from './sample-square';

const frame = { data: noiseImage(48, 3), width: 48, height: 48, index: 0, timeSec: 0 };

test.each(fixture.squares)('sampleSquare cuts $square as grid_sample does', ({ square, size, crop }) => {
  const ours = sampleSquare(frame, square, size);
  // half a level from rounding, the rest from the third decimal of the fixture
  ours.forEach((value, i) => expect(Math.abs(value - crop[i])).toBeLessThan(0.502));
  const exact = new Float32Array(size * size * 3);
  sampleInto(exact, 0, frame, square, size);
  // measured 5e-4: the fixture has 3 decimals
  exact.forEach((value, i) => expect(Math.abs(value - crop[i])).toBeLessThan(1e-3));
});

test('sampleSquare of the whole image at its own size is the image', () => {
  expect(Buffer.compare(sampleSquare(frame, { x: 24, y: 24, side: 48, angle: 0 }, 48), frame.data)).toBe(0);
});

test('sampleSquare rotates by a right angle exactly', () => {
  const turned = sampleSquare(frame, { x: 24, y: 24, side: 48, angle: Math.PI / 2 }, 48);
  // the crop's right is the image's down
  expect([...turned.slice(5 * 3, 5 * 3 + 3)]).toEqual([...frame.data.slice((5 * 48 + 47) * 3, (5 * 48 + 47) * 3 + 3)]);
});

test('sampleSquare repeats the border of an image of one pixel', () => {
  const dot = { data: Uint8Array.of(7, 8, 9), width: 1, height: 1, index: 0, timeSec: 0 };
  expect([...sampleSquare(dot, { x: 3, y: -2, side: 5, angle: 1 }, 2)]).toEqual([7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9]);
});

test('sampleInto mirrors, and averages several samples per pixel', () => {
  const [plain, mirrored] = [new Float32Array(48 * 48 * 3), new Float32Array(48 * 48 * 3)];
  const whole = { x: 24, y: 24, side: 48, angle: 0 };
  sampleInto(plain, 0, frame, whole, 48);
  sampleInto(mirrored, 0, frame, whole, 48, { mirrored: true });
  expect([...mirrored.slice(0, 3)]).toEqual([...plain.slice(47 * 3, 48 * 3)]);
  const small = new Float32Array(24 * 24 * 3);
  sampleInto(small, 0, frame, whole, 24, { perPixel: 2 });
  const mean = (frame.data[0] + frame.data[3] + frame.data[48 * 3] + frame.data[49 * 3]) / 4;
  expect(small[0]).toBeCloseTo(mean, 6); // measured 0
});

test('sampleSquare writes to out and refuses what does not fit', () => {
  const out = new Uint8Array(4 * 4 * 3);
  const square = { x: 24, y: 24, side: 48, angle: 0 };
  expect(sampleSquare(frame, square, 4, { out })).toBe(out);
  expect(() => sampleSquare(frame, square, 5, { out })).toThrow(
    'sampleSquare: out must be size * size * 3 = 75 bytes long, got 48',
  );
  expect(() => sampleSquare(frame, { ...square, side: 0 }, 4)).toThrow('square must be finite with a side above 0');
  expect(() => sampleSquare(frame, { ...square, x: Number.NaN }, 4)).toThrow(RangeError);
  expect(() => sampleSquare(frame, square, 0)).toThrow('size must be a whole number of pixels above 0, got 0');
});
