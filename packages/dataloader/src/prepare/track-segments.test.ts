import { expect, test } from 'vitest';
import { melWindowStart } from '@lipsync/audio-mel';
import { melAlignedFrames, trackSegments } from './track-segments';

test('segments are at most ten seconds, and a rest below three joins the one before', () => {
  expect(trackSegments(0, 30)).toEqual([{ firstFrame: 0, frames: 30 }]);
  expect(trackSegments(0, 250)).toEqual([{ firstFrame: 0, frames: 250 }]);
  expect(trackSegments(0, 324)).toEqual([{ firstFrame: 0, frames: 324 }]);
  expect(trackSegments(0, 325)).toEqual([{ firstFrame: 0, frames: 250 }, { firstFrame: 250, frames: 75 }]);
  expect(trackSegments(3, 560)).toEqual([{ firstFrame: 5, frames: 250 }, { firstFrame: 255, frames: 308 }]);
  expect(trackSegments(3, 600).map((segment) => segment.frames)).toEqual([250, 250, 98]);
});

test('segments cover a track from its first aligned picture to its end, without gap', () => {
  for (const [first, frames, options] of [[0, 1, {}], [7, 1234, {}], [12, 999, { segmentSec: 1.1, minSegmentSec: 0.5 }], [1, 3, {}]] as const) {
    const segments = trackSegments(first, frames, options);
    let at = Math.ceil(first / 5) * 5;
    for (const segment of segments) {
      expect(segment.firstFrame).toBe(at);
      expect(segment.firstFrame % 5).toBe(0);
      at += segment.frames;
    }
    if (segments.length > 0) expect(at).toBe(first + frames);
    else expect(at).toBeGreaterThanOrEqual(first + frames);
  }
});

test('from an aligned start, mel steps count the same from the segment as from the video', () => {
  expect([melAlignedFrames(25, 80), melAlignedFrames(30, 80), melAlignedFrames(50, 80)]).toEqual([5, 3, 5]);
  for (const first of [5, 250, 255]) {
    for (let f = 0; f < 50; f++) expect(melWindowStart(first + f) - melWindowStart(first)).toBe(melWindowStart(f));
  }
});

test('trackSegments refuses lengths that hold no picture', () => {
  expect(() => trackSegments(0, 9, { segmentSec: 0.1 })).toThrow('trackSegments: segmentSec must be at least 0.2 s, got 0.1');
  expect(() => trackSegments(0, 9, { minSegmentSec: 11 })).toThrow('minSegmentSec must be within 0..segmentSec (10)');
});
