import { expect, test } from 'vitest';
import { changeGain } from './change-gain';

test.each([
  [20, 10],
  [6.020599913279624, 2],
  [0, 1],
  [-40, 0.01],
])('changeGain by %d dB multiplies by %d, also beyond full scale', (gainDb, factor) => {
  const samples = Float32Array.of(0, 0.5, -0.25, 1);
  changeGain(samples, gainDb).forEach((value, i) => expect(value).toBeCloseTo(samples[i] * factor, 6)); // measured 2.3e-10
});

test('changeGain returns a new array and leaves what it was given', () => {
  const samples = Float32Array.of(0.5, -0.5);
  const same = changeGain(samples, 0);
  expect(same).toEqual(samples);
  expect(same).not.toBe(samples);
  expect(same.buffer).not.toBe(samples.buffer);
  changeGain(samples, 12);
  expect(samples).toEqual(Float32Array.of(0.5, -0.5));
  expect(changeGain(new Float32Array(0), 12)).toHaveLength(0);
});

test.each([NaN, Infinity, -Infinity])('changeGain refuses a gain of %d dB', (gainDb) => {
  expect(() => changeGain(Float32Array.of(1), gainDb)).toThrow(
    new RangeError(`changeGain: gainDb must be finite, got ${gainDb}`),
  );
});
