import { expect, test } from 'vitest';
import { madePoints } from '../testing/made-track';
import { assertFaceTrack, trackFromLandmarks } from './face-track';

test('trackFromLandmarks makes a track from given points', () => {
  const points = new Float32Array([...madePoints(0), ...madePoints(1)]);
  const track = trackFromLandmarks(points, { firstFrame: 3, id: 2 });
  expect(track).toEqual({ id: 2, firstFrame: 3, frameCount: 2, points, score: 1, interpolated: 0 });
});

test('trackFromLandmarks refuses what is not frames of 68 finite points', () => {
  expect(() => trackFromLandmarks(new Float32Array(0))).toThrow(
    'points must be a Float32Array of frames · 136 values, got 0',
  );
  expect(() => trackFromLandmarks(new Float32Array(137))).toThrow('got 137');
  const broken = madePoints();
  broken[5] = Infinity;
  expect(() => trackFromLandmarks(broken)).toThrow('points must be finite, got Infinity in frame 0');
});

test('assertFaceTrack refuses a track whose points do not fit its frames', () => {
  const track = trackFromLandmarks(madePoints());
  expect(() => assertFaceTrack('here', { ...track, frameCount: 2 })).toThrow(
    'here: track.points must be a Float32Array of frames · 136 = 272',
  );
  expect(() => assertFaceTrack('here', { ...track, frameCount: 0 })).toThrow(
    'here: track.frameCount must be a whole number above 0, got 0',
  );
});
