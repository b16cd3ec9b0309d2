import { expect, test } from 'vitest';
import { parseLandmarkFile } from './landmark-file';

const file = (frames: unknown[], scheme = 'ibug68') => JSON.stringify({ scheme, frames });
const face = (value: number) => new Array(136).fill(value);

test('parseLandmarkFile reads one face and interpolates a gap', () => {
  const [track, ...others] = parseLandmarkFile(file([null, face(1), null, face(3)]));
  expect(others).toEqual([]);
  expect(track).toMatchObject({ id: 0, firstFrame: 1, frameCount: 3, score: 1, interpolated: 1 });
  expect(track.points[136]).toBe(2);
});

test('parseLandmarkFile splits at a gap that is too long', () => {
  const tracks = parseLandmarkFile(file([face(1), null, null, face(2)]), { maxGap: 1 });
  expect(tracks.map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
    [0, 1],
    [3, 1],
  ]);
  expect(parseLandmarkFile(file([null]))).toEqual([]);
});

test.each([
  ['no JSON', 'parseLandmarkFile: text must be JSON'],
  [file([], 'mesh468'), 'parseLandmarkFile: scheme must be "ibug68", got mesh468'],
  ['{"scheme": "ibug68"}', 'parseLandmarkFile: frames must be a list'],
  [file([[1, 2]]), 'parseLandmarkFile: frames[0] must be 136 values or null, got 2'],
  [file([face(1), [...face(1).slice(1), null]]), 'parseLandmarkFile: frames[1] must be finite, got null'],
])('parseLandmarkFile refuses %s', (text, message) => {
  expect(() => parseLandmarkFile(text)).toThrow(message);
});
