import { expect, test } from 'vitest';
import { LANDMARK_EFFORT } from './landmark-effort';

test('careful looks more often than fast', () => {
  expect(LANDMARK_EFFORT.careful.detector.crops).toBeGreaterThan(LANDMARK_EFFORT.fast.detector.crops as number);
  expect(LANDMARK_EFFORT.careful.collect.every).toBeLessThan(LANDMARK_EFFORT.fast.collect.every as number);
});
