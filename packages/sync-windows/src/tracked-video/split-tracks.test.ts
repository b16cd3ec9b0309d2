import type { FaceTrack } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { splitTracks } from './split-tracks';

const track = (id: number, firstFrame: number, frameCount: number): FaceTrack => ({
  id,
  firstFrame,
  frameCount,
  points: Float32Array.from({ length: frameCount * 136 }, (_, i) => firstFrame + Math.floor(i / 136)),
  score: 0.5,
  interpolated: frameCount / 2,
});

test('a track without a cut inside stays as it is, cuts at its edges included', () => {
  const [only] = splitTracks([track(7, 10, 20)], [0, 10, 30, 99]);
  expect(only).toEqual({ ...track(7, 10, 20), id: 0 });
});

test('a track with cuts becomes one for each shot, with its own points', () => {
  const pieces = splitTracks([track(0, 0, 50), track(1, 5, 10)], [20, 30]);
  expect(pieces.map(({ id, firstFrame, frameCount }) => [id, firstFrame, frameCount])).toEqual([
    [0, 0, 20],
    [1, 5, 10],
    [2, 20, 10],
    [3, 30, 20],
  ]);
  for (const { firstFrame, frameCount, points } of pieces) {
    expect(points).toHaveLength(frameCount * 136);
    expect([points[0], points[points.length - 1]]).toEqual([firstFrame, firstFrame + frameCount - 1]);
  }
  expect(pieces[2]).toMatchObject({ interpolated: 5 });
  expect(pieces[2]).not.toHaveProperty('notFound'); // unknown
  expect(splitTracks([{ ...track(0, 0, 50), notFound: 10 }], [20]).map((piece) => piece.notFound)).toEqual([4, 6]);
});

test('the margin takes frames away at cuts only, and pieces that are nothing but margin', () => {
  const pieces = splitTracks([track(0, 0, 50)], [20, 22], 1);
  expect(pieces.map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
    [0, 19],
    [23, 27],
  ]);
});

test('boxes go with their frames', () => {
  const boxes = Float32Array.from({ length: 40 }, (_, i) => Math.floor(i / 4));
  const [, second] = splitTracks([{ ...track(0, 0, 10), boxes }], [6]);
  expect([...second.boxes!]).toEqual([6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8, 9, 9, 9, 9]);
});
