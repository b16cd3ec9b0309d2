import { describe, expect, test } from 'vitest';
import { differences, imageOfRuns } from '../testing/made-faces';
import { numbers, readFixture } from '../testing/torch-numbers';
import { drawEdgeMap } from './draw-edge-map';
import { drawLine, type Pixel } from './draw-line';

type Ends = [number, number, number, number];
const { lineEnds, lines, maps } = readFixture<{
  lineEnds: Ends[];
  lines: { thickness: number; runs: number[] }[];
  maps: { shoulders: boolean; runs: number[] }[];
}>('geometry');

test.each(lines)(
  'drawLine of thickness $thickness sets the pixels that OpenCV sets, 60 lines',
  ({ thickness, runs }) => {
    const all = imageOfRuns(runs);
    lineEnds.forEach(([x0, y0, x1, y1], k) => {
      const image = { data: new Uint8Array(64 * 64), width: 64, height: 64 };
      drawLine(
        image,
        [
          [x0, y0],
          [x1, y1],
        ],
        thickness,
        255,
      );
      const expected = new Uint8Array(64 * 64);
      for (let row = 0; row < 64; row++)
        expected.set(all.subarray((row * 60 + k) * 64, (row * 60 + k + 1) * 64), 64 * row);
      expect(differences(image.data, expected)).toBe(0);
      expect(expected.some((value) => value > 0)).toBe(true);
    });
  },
);

test('drawLine leaves what is outside of the image out', () => {
  const inside = { data: new Uint8Array(3 * 90 * 90), width: 270, height: 90 };
  const cut = { data: new Uint8Array(90 * 90), width: 90, height: 90 };
  for (const [from, to] of [
    [
      [-20, 10],
      [50, 130],
    ],
    [
      [200, -30],
      [40, 45],
    ],
    [
      [-50, -50],
      [-10, -20],
    ],
  ] as [Pixel, Pixel][]) {
    drawLine(inside, [from, to], 2, 255);
    drawLine(cut, [from, to], 2, 255);
  }
  for (let row = 0; row < 90; row++)
    expect(inside.data.subarray(270 * row, 270 * row + 90)).toEqual(cut.data.subarray(90 * row, 90 * row + 90));
});

describe('drawEdgeMap', () => {
  const points = numbers('map points', [73, 2], 8, 120);

  test.each(maps)('draws the face, shoulders $shoulders, as OpenCV does', (map) => {
    const shoulders = map.shoulders ? numbers('map shoulders', [18, 2], 4, 124) : undefined;
    const own = drawEdgeMap(points, { width: 128, height: 128, shoulders });
    expect(differences(own, imageOfRuns(map.runs))).toBe(0);
  });

  test('does not hang on points far away', () => {
    const far = points.map((value, i) => (i === 40 ? 1e30 : value));
    expect(drawEdgeMap(far, { width: 16, height: 16 }).length).toBe(256);
  });

  test.each<[string, () => unknown]>([
    ['points must be [73, 2], 146 values, got 4', () => drawEdgeMap([1, 2, 3, 4], { width: 8, height: 8 })],
    ['options.width must be a whole number above 0', () => drawEdgeMap(points, { width: 0, height: 8 })],
    ['options.thickness must be', () => drawEdgeMap(points, { width: 8, height: 8, thickness: 1 })],
    [
      'points[3] must be finite',
      () =>
        drawEdgeMap(
          points.map((v, i) => (i === 7 ? Number.NaN : v)),
          { width: 8, height: 8 },
        ),
    ],
    ['options.shoulders must be', () => drawEdgeMap(points, { width: 8, height: 8, shoulders: [1, 2, 3, 4, 5, 6] })],
  ])('refuses: %s', (message, run) => {
    expect(run).toThrow(`drawEdgeMap: ${message}`);
  });
});
