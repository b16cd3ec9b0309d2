import { expect, test } from 'vitest';
import { LANDMARK_QUALITY, landmarkSettings } from './landmark-quality';

test('careful works more than fast', () => {
  expect(LANDMARK_QUALITY.careful.detector.testTimeViews).toBeGreaterThan(
    LANDMARK_QUALITY.fast.detector.testTimeViews as number,
  );
  expect(LANDMARK_QUALITY.careful.collect.stride).toBeLessThan(LANDMARK_QUALITY.fast.collect.stride as number);
});

test('landmarkSettings name the model, and fast takes one view of mediapipe', () => {
  expect(landmarkSettings()).toEqual(LANDMARK_QUALITY.fast);
  expect(landmarkSettings('careful', 'mediapipe').detector).toEqual({ model: 'mediapipe', testTimeViews: 5 });
  expect(landmarkSettings('fast', 'mediapipe')).toEqual({
    ...LANDMARK_QUALITY.fast,
    detector: { model: 'mediapipe', testTimeViews: 1 },
  });
});
