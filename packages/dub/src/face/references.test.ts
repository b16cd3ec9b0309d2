import type { FaceTrack } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { mouthOpenings, spreadReferences } from './references';

/** A face with eyes 100 apart and these mouth openings. */
function track(openings: number[]): FaceTrack {
  const points = new Float32Array(openings.length * 136);
  openings.forEach((opening, frame) => {
    points[136 * frame + 2 * 45] = 100;
    points[136 * frame + 2 * 66 + 1] = opening;
  });
  return { id: 0, firstFrame: 7, frameCount: openings.length, points, score: 1, interpolated: 0 };
}

test('mouthOpenings are the lips over the eyes', () => {
  expect([...mouthOpenings(track([0, 20, 5]))].map((value) => Math.round(value * 1000))).toEqual([0, 200, 50]);
});

test('spreadReferences takes one frame of each stretch, from nearly closed to wide open', () => {
  const openings = Array.from({ length: 100 }, (_, i) => 10 + 10 * Math.sin(i));
  const chosen = spreadReferences(track(openings), 5);
  chosen.forEach((frame, i) => expect(Math.floor(frame / 20)).toBe(i));
  const seen = chosen.map((frame) => openings[frame]);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen[0]).toBeLessThan(2);
  expect(seen[4]).toBeGreaterThan(18);
});

test('spreadReferences of a short track gives frames twice, and refuses no count', () => {
  expect(spreadReferences(track([3, 1]), 5)).toEqual([0, 0, 0, 1, 1]);
  expect(() => spreadReferences(track([3]), 0)).toThrow(
    'spreadReferences: count must be a whole number above 0, got 0',
  );
});
