import { expect, test } from 'vitest';
import { melWindow, melWindowStart } from './mel-window';

test('melWindowStart is floor(16 frame / 5) for every frame up to a million', () => {
  let wrong = 0;
  for (let frame = 0; frame <= 1_000_000; frame++) {
    const whole = (16 * frame - ((16 * frame) % 5)) / 5; // whole numbers only, so exact
    if (melWindowStart(frame) !== whole) wrong++;
  }
  expect(wrong).toBe(0);
});

test.each([
  [7, {}, 22],
  [30, { fps: 30 }, 80],
  [1001, { fps: 30000 / 1001 }, 2672],
  [10, { stepsPerSecond: 100 }, 40],
  [Number.MAX_SAFE_INTEGER, { fps: 1, stepsPerSecond: 1 }, Number.MAX_SAFE_INTEGER],
])('melWindowStart of frame %d with %o is %d', (frame, timing, start) => {
  expect(melWindowStart(frame, timing)).toBe(start);
});

test('melWindow is a view on its piece of the mel, and undefined once it would pass the end', () => {
  const mel = { data: Float32Array.from({ length: 40 * 3 }, (_, i) => i), steps: 40, bins: 3 };
  const window = melWindow(mel, 7, { melSteps: 16 });
  expect(window).toMatchObject({ steps: 16, bins: 3, startStep: 22 });
  expect(window?.data.buffer).toBe(mel.data.buffer);
  expect([window?.data[0], window?.data.length]).toEqual([66, 48]);
  expect(melWindow(mel, 7, { melSteps: 18 })?.startStep).toBe(22); // ends with the mel
  expect(melWindow(mel, 7, { melSteps: 19 })).toBeUndefined();
  expect(melWindow(mel, 8, { melSteps: 16 })).toBeUndefined();
  expect(melWindow(mel, 8, { melSteps: 16, fps: 30 })?.startStep).toBe(21);
});

test('frames, rates and lengths out of range are refused by name', () => {
  expect(() => melWindowStart(-1)).toThrow('melWindowStart: frame must be a whole number from 0 on, got -1');
  expect(() => melWindowStart(1.5)).toThrow(RangeError);
  expect(() => melWindowStart(1, { fps: 0 })).toThrow('fps must be above 0, got 0');
  expect(() => melWindowStart(1, { stepsPerSecond: Number.NaN })).toThrow('stepsPerSecond must be above 0, got NaN');
  const mel = { data: new Float32Array(4), steps: 2, bins: 2 };
  expect(() => melWindow(mel, 0, { melSteps: 0 })).toThrow('melWindow: melSteps');
  expect(() => melWindow({ ...mel, steps: 3 }, 0, { melSteps: 1 })).toThrow('melWindow: mel.data');
});
