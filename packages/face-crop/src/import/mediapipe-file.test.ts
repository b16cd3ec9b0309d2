import { expect, test } from 'vitest';
import { parseMediapipeFile } from './mediapipe-file';
import { landmarksFromMediapipe } from './mediapipe-landmarks';

const SIZE = { width: 1000, height: 800 };
const mesh = (shift = 0, points = 478) =>
  Array.from({ length: points }, (_, i) => [i / 1000 + shift, 0.125 + i / 1000, 9]);
const file = (frames: unknown, size: object = SIZE) => JSON.stringify({ ...size, frames });

test.each([[468], [478]])('parseMediapipeFile reads meshes of %i points', (points) => {
  const [track, ...others] = parseMediapipeFile(file([mesh(0, points), mesh(0.25, points)]));
  expect(others).toEqual([]);
  expect(track).toMatchObject({ id: 0, firstFrame: 0, frameCount: 2, score: 1, interpolated: 0 });
  expect(track.points.subarray(0, 136)).toEqual(landmarksFromMediapipe(mesh(0, points).flat(), SIZE));
  expect(track.points[136] - track.points[0]).toBeCloseTo(250, 4); // measured 0
});

test('parseMediapipeFile reads points as MediaPipe writes them', () => {
  const objects = mesh().map(([x, y, z]) => ({ x, y, z, visibility: 0 }));
  const pairs = mesh().map(([x, y]) => [x, y]);
  const [wanted] = parseMediapipeFile(file([mesh()]));
  for (const points of [objects, pairs]) expect(parseMediapipeFile(file([points]))).toEqual([wanted]);
});

test('parseMediapipeFile interpolates short gaps and splits at long ones', () => {
  const frames = [null, mesh(), null, mesh(0.2), ...new Array(11).fill(null), mesh()];
  const tracks = parseMediapipeFile(file(frames));
  expect(tracks.map(({ firstFrame, frameCount: count, interpolated }) => [firstFrame, count, interpolated])).toEqual([
    [1, 3, 1],
    [15, 1, 0],
  ]);
  expect(parseMediapipeFile(file([null, null]))).toEqual([]);
});

test.each([
  ['what is no JSON', 'x', 'text must be JSON'],
  ['nothing', 'null', 'width must be a number of pixels above 0, got undefined'],
  ['no size', file([], { width: 5 }), 'height must be a number of pixels above 0, got undefined'],
  ['images of no height', file([], { width: 5, height: 0 }), 'height must be a number of pixels above 0, got 0'],
  ['no list', file('many'), 'frames must be a list, got string'],
  ['other meshes', file([null, mesh(0, 400)]), 'frames[1] must be 468 or 478 points or null, got 400'],
  ['a missing mesh', file([{ points: [] }]), 'frames[0] must be 468 or 478 points or null, got object'],
  [
    'a point of no numbers',
    file([[...mesh().slice(0, 477), [null, 1]]]),
    'frames[0][477] must be a point of finite numbers, got [, 1]',
  ],
  ['no point', file([[null, ...mesh().slice(1)]]), 'frames[0][0] must be a point of finite numbers, got null'],
])('parseMediapipeFile refuses %s', (_, text, message) => {
  expect(() => parseMediapipeFile(text)).toThrow(`parseMediapipeFile: ${message}`);
});
