import type { FaceTrack } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { largestFaces, overlapping } from './chosen-faces';

const track = (id: number, firstFrame: number, frameCount: number, size: number): FaceTrack => {
  const points = Float32Array.from({ length: frameCount * 136 }, (_, i) => (i % 136 < 2 ? 0 : size));
  return { id, firstFrame, frameCount, points, score: 1, interpolated: 0 };
};

test('overlapping tells whether two spans share a frame', () => {
  expect(overlapping({ firstFrame: 0, frameCount: 10 }, { firstFrame: 9, frameCount: 1 })).toBe(true);
  expect(overlapping({ firstFrame: 0, frameCount: 10 }, { firstFrame: 10, frameCount: 5 })).toBe(false);
});

test('largestFaces keeps the faces during which no larger one is seen', () => {
  const tracks = [track(0, 0, 50, 100), track(1, 20, 100, 60), track(2, 60, 30, 40), track(3, 200, 30, 10)];
  expect(largestFaces(tracks).map(({ id }) => id)).toEqual([0, 3]);
  expect(largestFaces([track(0, 0, 10, 50), track(1, 0, 10, 50)])).toHaveLength(2); // nobody is larger
});
