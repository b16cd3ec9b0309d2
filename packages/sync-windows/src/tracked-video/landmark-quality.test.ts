import { expect, test } from 'vitest';
import { LANDMARK_QUALITY } from './landmark-quality';

test('careful works more than fast', () => {
  expect(LANDMARK_QUALITY.careful.detector.testTimeViews).toBeGreaterThan(
    LANDMARK_QUALITY.fast.detector.testTimeViews as number,
  );
  expect(LANDMARK_QUALITY.careful.collect.stride).toBeLessThan(LANDMARK_QUALITY.fast.collect.stride as number);
});
