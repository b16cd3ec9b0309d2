import { fail } from '@lipsync/contracts';
import { distance, type KeyPoints, pointCountOf } from './key-points';

/** Three points of a face, by their index. */
export type Triangle = readonly [number, number, number];

/**
 * Base of the nose, outer corner of the left eye, inner corner of the right one.
 *
 * The thesis names points 35, 46 and 40, a point of the nose and corners of both eyes: that fits only if they are counted
 * from 1.
 */
export const SKETCH_TRIANGLE: Triangle = [34, 45, 39];

/** Places of the three points in the reference frame: x0, y0, x1, y1, x2, y2. */
export type Corners = readonly [number, number, number, number, number, number];

/** The frame in which the three points are farthest apart, by the sum of their distances: the most frontal one. */
export function referenceFrame(keyPoints: KeyPoints, triangle: Triangle = SKETCH_TRIANGLE): number {
  const count = pointCountOf('referenceFrame', 'keyPoints', keyPoints);
  assertTriangle('referenceFrame', triangle, count);
  let [best, largest] = [0, -1];
  for (let frame = 0; frame < keyPoints.frameCount; frame++) {
    const size = around(keyPoints.points, frame * count * 2, triangle);
    if (size > largest) [best, largest] = [frame, size];
  }
  return best;
}

/** Where the three points lie in a frame. */
export function cornersOf(keyPoints: KeyPoints, frame: number, triangle: Triangle): Corners {
  const at = (frame * keyPoints.points.length) / keyPoints.frameCount;
  return triangle.flatMap((i) => [
    keyPoints.points[at + 2 * i],
    keyPoints.points[at + 2 * i + 1],
  ]) as unknown as Corners;
}

/**
 * Moves each frame by the affine map that takes its three points to where they are in the reference frame.
 *
 * Source: the thesis; three pairs of points determine the six numbers of the map. Equal to NumPy, see the test.
 *
 * @param keyPoints borrowed.
 * @returns new points.
 * @throws RangeError where the three points of a frame lie on one line; TypeError as `mostStablePoint`.
 */
export function normaliseKeyPoints(keyPoints: KeyPoints, corners: Corners, triangle: Triangle): KeyPoints {
  const where = 'normaliseKeyPoints';
  const count = pointCountOf(where, 'keyPoints', keyPoints);
  assertTriangle(where, triangle, count);
  const { points, frameCount } = keyPoints;
  const [x0, y0, x1, y1, x2, y2] = corners;
  const out = new Float32Array(points.length);
  for (let frame = 0; frame < frameCount; frame++) {
    const [u0, v0, u1, v1, u2, v2] = cornersOf(keyPoints, frame, triangle);
    const area = (u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0);
    const size = around(points, frame * count * 2, triangle);
    if (!(Math.abs(area) > 1e-6 * size * size))
      fail(
        RangeError,
        where,
        `keyPoints, frame ${frame}`,
        `with points ${triangle.join(', ')} that form a triangle`,
        'a line',
      );
    for (let at = frame * count * 2; at < (frame + 1) * count * 2; at += 2) {
      // the point as shares of the triangle's two sides
      const [u, v] = [points[at] - u0, points[at + 1] - v0];
      const a = (u * (v2 - v0) - (u2 - u0) * v) / area;
      const b = ((u1 - u0) * v - u * (v1 - v0)) / area;
      out[at] = x0 + a * (x1 - x0) + b * (x2 - x0);
      out[at + 1] = y0 + a * (y1 - y0) + b * (y2 - y0);
    }
  }
  return { points: out, frameCount };
}

function assertTriangle(where: string, triangle: Triangle, count: number): void {
  const good = triangle?.length === 3 && triangle.every((i) => Number.isInteger(i) && i >= 0 && i < count);
  if (!good || new Set(triangle).size < 3)
    fail(RangeError, where, 'triangle', `three different points, 0 to ${count - 1}`, triangle);
}

function around(points: Float32Array, at: number, [a, b, c]: Triangle): number {
  return distance(points, at, [a, b]) + distance(points, at, [b, c]) + distance(points, at, [c, a]);
}
