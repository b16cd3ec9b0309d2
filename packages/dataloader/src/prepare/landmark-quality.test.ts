import { expect, test } from 'vitest';
import { LANDMARK_QUALITY } from './landmark-quality';

test('careful looks more often than fast', () => {
  expect(LANDMARK_QUALITY.careful.detector.crops).toBeGreaterThan(LANDMARK_QUALITY.fast.detector.crops as number);
  expect(LANDMARK_QUALITY.careful.collect.every).toBeLessThan(LANDMARK_QUALITY.fast.collect.every as number);
});
