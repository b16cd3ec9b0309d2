import { stepsBefore } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { featureAlignedFrames, trackSegments } from './track-segments';

test('segments are at most ten seconds, and a remainder below three joins the one before', () => {
  expect(trackSegments(0, 30)).toEqual([{ firstFrame: 0, frameCount: 30 }]);
  expect(trackSegments(0, 250)).toEqual([{ firstFrame: 0, frameCount: 250 }]);
  expect(trackSegments(0, 324)).toEqual([{ firstFrame: 0, frameCount: 324 }]);
  expect(trackSegments(0, 325)).toEqual([
    { firstFrame: 0, frameCount: 250 },
    { firstFrame: 250, frameCount: 75 },
  ]);
  expect(trackSegments(3, 560)).toEqual([
    { firstFrame: 5, frameCount: 250 },
    { firstFrame: 255, frameCount: 308 },
  ]);
  expect(trackSegments(3, 600).map((segment) => segment.frameCount)).toEqual([250, 250, 98]);
});

test('segments cover a track from its first aligned frame to its end, without gap', () => {
  for (const [first, frameCount, options] of [
    [0, 1, {}],
    [7, 1234, {}],
    [12, 999, { segmentSec: 1.1, minSegmentSec: 0.5 }],
    [1, 3, {}],
  ] as const) {
    const segments = trackSegments(first, frameCount, options);
    let at = Math.ceil(first / 5) * 5;
    for (const segment of segments) {
      expect(segment.firstFrame).toBe(at);
      expect(segment.firstFrame % 5).toBe(0);
      at += segment.frameCount;
    }
    if (segments.length > 0) expect(at).toBe(first + frameCount);
    else expect(at).toBeGreaterThanOrEqual(first + frameCount);
  }
});

test('from an aligned start, feature steps count the same from the segment as from the video', () => {
  expect([featureAlignedFrames(25, 80), featureAlignedFrames(30, 80), featureAlignedFrames(50, 80)]).toEqual([5, 3, 5]);
  for (const first of [5, 250, 255]) {
    const steps = (frame: number) => stepsBefore(frame, { fps: 25, stepsPerSecond: 80 });
    for (let f = 0; f < 50; f++) expect(steps(first + f) - steps(first)).toBe(steps(f));
  }
});

test('trackSegments refuses lengths that hold no frame', () => {
  expect(() => trackSegments(0, 9, { segmentSec: 0.1 })).toThrow(
    'trackSegments: segmentSec must be at least 0.2 s, got 0.1',
  );
  expect(() => trackSegments(0, 9, { minSegmentSec: 11 })).toThrow('minSegmentSec must be within 0..segmentSec (10)');
});
