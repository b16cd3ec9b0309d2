import { expect, test } from 'vitest';
import { matchColours } from './match-colours';

const shape = { height: 24, width: 24, hidden: { top: 12, left: 0, height: 12, width: 24 } };
const real = Uint8Array.from({ length: 24 * 24 * 3 }, (_, i) => 100 + 20 * (i % 3));

test('a face that is too dark by one amount a colour gets the frame’s colours, hidden part included', () => {
  const generated = Float32Array.from(real, (value, i) => value / 255 - [0.1, 0.2, -0.05][i % 3]);
  matchColours(generated, real, shape);
  generated.forEach((value, i) => expect(value).toBeCloseTo(real[i] / 255, 5));
});

test('only the ring next to the hidden part counts, and the mouth itself does not', () => {
  const generated = Float32Array.from(real, (value) => value / 255);
  generated.fill(0, 0, 5 * 24 * 3); // far away from it
  generated.fill(1, 14 * 24 * 3); // hidden
  const before = generated.slice();
  matchColours(generated, real, shape);
  generated.forEach((value, i) => expect(value).toBeCloseTo(before[i], 6));
});

test('where all of the image is hidden nothing changes', () => {
  const generated = new Float32Array(24 * 24 * 3).fill(0.3);
  matchColours(generated, real, { ...shape, hidden: { top: 0, left: 0, height: 24, width: 24 } });
  expect(new Set(generated)).toEqual(new Set([Math.fround(0.3)]));
});
