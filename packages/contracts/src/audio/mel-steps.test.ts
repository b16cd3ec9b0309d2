import { expect, test } from 'vitest';
import { melSteps } from './mel-steps';

test.each([[1, 4], [5, 16], [10, 32], [15, 48], [16, 52], [25, 80]])('a window of %d frames has %d mel steps, as in LatentSync', (frames, steps) => {
  expect(melSteps(frames)).toBe(steps);
});

test('melSteps is the least whole number that is not below 3.2 steps a frame', () => {
  for (let frames = 1; frames <= 10_000; frames++) {
    const over = 5 * melSteps(frames) - 16 * frames; // whole numbers only, so exact
    if (over < 0 || over > 4) expect.fail(`${frames} frames: ${melSteps(frames)} steps`);
  }
});

test.each([0, -5, 2.5, Number.NaN, Number.POSITIVE_INFINITY])('melSteps refuses %d frames', (frames) => {
  expect(() => melSteps(frames)).toThrow(new RangeError(`melSteps: frames must be a whole number above 0, got ${frames}`));
});
