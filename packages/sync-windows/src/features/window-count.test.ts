import { expect, test } from 'vitest';
import { firstWindow, windowCount } from './window-count';

const ten = { frameCount: 10, featureSteps: 32, fps: 25, features: 'THESIS_MEL' } as const;

test('windowCount counts the starts whose frames and audio are all there', () => {
  expect(windowCount(29, 94, ten)).toBe(20); // the last starts at mel step floor(3.2 * 19) = 60, and ends at 92
  expect(windowCount(29, 92, ten)).toBe(20);
  expect(windowCount(29, 91, ten)).toBe(19);
  expect(windowCount(30, 95, ten)).toBe(20); // frames for 21, audio for 20
});

test('windowCount is 0 where either is too short', () => {
  expect([windowCount(9, 100, ten), windowCount(30, 31, ten), windowCount(0, 0, ten)]).toEqual([0, 0, 0]);
});

test('windowCount of audio as long as the frames never loses a window', () => {
  for (const [frameCount, featureSteps] of [
    [5, 16],
    [10, 32],
    [15, 48],
    [16, 52],
  ]) {
    for (let length = frameCount; length < 300; length++) {
      expect(
        windowCount(length, Math.ceil(3.2 * length), { frameCount, featureSteps, fps: 25, features: 'THESIS_MEL' }),
      ).toBe(length - frameCount + 1);
    }
  }
});

test('firstWindow is 0 where windows begin with their frames, and 2 for DINet’s, which begin two steps before', () => {
  const window = { fps: 25, frameCount: 5 };
  expect(firstWindow({ ...window, features: 'THESIS_MEL', featureSteps: 16 })).toBe(0);
  expect(firstWindow({ ...window, features: 'ASR_LOGITS', featureSteps: 9 })).toBe(2);
});
