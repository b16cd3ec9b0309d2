import { expect, test } from 'vitest';
import { melSteps } from './mel-steps';

test.each([
  [1, 4],
  [5, 16],
  [10, 32],
  [15, 48],
  [16, 52],
  [25, 80],
])('a window of %d frames has %d mel steps, as in LatentSync', (frameCount, steps) => {
  expect(melSteps(frameCount)).toBe(steps);
});

test('melSteps rounds 3.2 steps per frame up', () => {
  for (let frameCount = 1; frameCount <= 10_000; frameCount++) {
    const over = 5 * melSteps(frameCount) - 16 * frameCount; // whole numbers only, so exact
    if (over < 0 || over > 4) expect.fail(`${frameCount} frames: ${melSteps(frameCount)} steps`);
  }
});

test.each([0, -5, 2.5, Number.NaN, Number.POSITIVE_INFINITY])('melSteps refuses %d frames', (frameCount) => {
  expect(() => melSteps(frameCount)).toThrow(
    new RangeError(`melSteps: frameCount must be a whole number above 0, got ${frameCount}`),
  );
});
