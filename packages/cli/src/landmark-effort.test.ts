import { expect, test } from 'vitest';
import { EFFORT_OPTION, LANDMARK_EFFORT } from './landmark-effort';

test('every effort is a choice of the option, and careful looks more often than fast', () => {
  expect(EFFORT_OPTION).toMatchObject({ choices: ['fast', 'careful'], default: 'fast' });
  expect(LANDMARK_EFFORT.careful.detector.crops).toBeGreaterThan(LANDMARK_EFFORT.fast.detector.crops as number);
  expect(LANDMARK_EFFORT.careful.collect.every).toBeLessThan(LANDMARK_EFFORT.fast.collect.every as number);
});
