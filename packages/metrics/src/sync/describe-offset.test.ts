import { expect, test } from 'vitest';
import { describeOffset } from './describe-offset';

test.each([
  [3, 25, 'audio is 3 frames (120 ms) early'],
  [-1, 25, 'audio is 1 frame (40 ms) late'],
  [0, 25, 'in sync'],
  [2, 30, 'audio is 2 frames (67 ms) early'],
])('describeOffset says %d frames at %d fps in words', (frameCount, fps, words) => {
  expect(describeOffset(frameCount, fps)).toBe(words);
});

test('describeOffset refuses what is not a number of frames or a rate', () => {
  expect(() => describeOffset(Number.NaN)).toThrow('describeOffset: frameCount must be finite, got NaN');
  expect(() => describeOffset(1, 0)).toThrow('describeOffset: fps must be above 0, got 0');
});
