import { expect, test } from 'vitest';
import { parseOpenFaceCsv } from './openface-landmarks';

const HEADER = ['frame', ' face_id', ' timestamp', ' confidence', ' success']
  .concat(Array.from({ length: 68 }, (_, i) => ` x_${i}`))
  .concat(Array.from({ length: 68 }, (_, i) => ` y_${i}`));
const row = (frame: number, { face = 0, confidence = 0.98, success = 1, shift = 0 } = {}) =>
  [frame, face, (frame - 1) / 25, confidence, success]
    .concat(Array.from({ length: 68 }, (_, i) => 100 + i + shift))
    .concat(Array.from({ length: 68 }, (_, i) => 200 + 2 * i + shift))
    .join(', ');
const table = (...rows: string[]) => [HEADER.join(','), ...rows, ''].join('\n');

test('parseOpenFaceCsv finds the columns by name, counts frames from 0 and moves pixel centres to +0.5', () => {
  const [track, ...others] = parseOpenFaceCsv(table(row(1), row(2, { shift: 4 })));
  expect(others).toEqual([]);
  expect(track).toMatchObject({ id: 0, firstFrame: 0, frameCount: 2, interpolated: 0 });
  expect([...track.points.subarray(0, 4)]).toEqual([100.5, 200.5, 101.5, 202.5]);
  expect(track.points[136]).toBe(104.5);
  expect(track.score).toBeCloseTo(0.98, 12); // measured 0
});

test('parseOpenFaceCsv interpolates short gaps, splits at long ones and treats failures as gaps', () => {
  const rows = [row(1), row(2, { success: 0 }), row(3, { shift: 2 }), row(30)];
  const tracks = parseOpenFaceCsv(table(...rows));
  expect(tracks.map(({ firstFrame, frameCount, interpolated }) => [firstFrame, frameCount, interpolated])).toEqual([
    [0, 3, 1],
    [29, 1, 0],
  ]);
  expect(tracks[0].points[136]).toBe(101.5); // half-way
  expect(parseOpenFaceCsv(table(row(1, { confidence: 0.3 })), { minConfidence: 0.5 })).toEqual([]);
});

test('parseOpenFaceCsv keeps the faces of a frame apart', () => {
  const tracks = parseOpenFaceCsv(
    table(row(1), row(1, { face: 1, shift: 50 }), row(2), row(2, { face: 1, shift: 50 })),
  );
  expect(tracks.map(({ id, frameCount, points }) => [id, frameCount, points[0]])).toEqual([
    [0, 2, 100.5],
    [1, 2, 150.5],
  ]);
});

test.each([
  ['a missing column', 'frame,x_0\n1,2', 'column y_0'],
  ['an empty file', '', 'column frame'],
  ['a short row', table(row(1).split(', ').slice(0, 9).join(',')), 'row 2 must be 141 cells long, got 9'],
  ['a repeated frame', table(row(1), row(1)), 'row 3, frame must be above 1, got 1'],
  ['a number that is none', table(row(1).replace('100,', 'nan,')), 'row 2, x_0 must be a finite number'],
])('parseOpenFaceCsv refuses %s', (_, text, message) => {
  expect(() => parseOpenFaceCsv(text)).toThrow(message);
});
