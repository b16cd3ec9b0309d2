import type { Landmarks68 } from '@lipsync/contracts';
import type { Square } from './sample-square';

/** An upright box around landmarks, or a detected face: edges in pixels of the image. */
export type LandmarkBox = { left: number; top: number; right: number; bottom: number };

/** Index of the point that each point becomes in a mirrored image. */
export const MIRRORED_POINT: readonly number[] = [
  16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 27, 28, 29, 30, 35,
  34, 33, 32, 31, 45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64,
  63, 62, 61, 60, 67, 66, 65,
];

/**
 * The mean of points `first` to `last`, both included.
 *
 * @param points 68 points x, y; those of frame `at / 136` of a longer array where `at` is given.
 * @returns `[x, y]`.
 * @example
 * const [mouthX, mouthY] = meanPoint(points, 48, 67);
 */
export function meanPoint(points: Landmarks68, first: number, last: number, at = 0): [number, number] {
  let x = 0;
  let y = 0;
  for (let i = first; i <= last; i++) {
    x += points[at + 2 * i];
    y += points[at + 2 * i + 1];
  }
  return [x / (last - first + 1), y / (last - first + 1)];
}

/**
 * The smallest upright box around points.
 *
 * @param points `[count, 2]`, x and y; of a longer array pass the part (`subarray`).
 * @returns edges in the points' unit; of no points the box is empty (`left` Infinity, `right` -Infinity).
 * @example
 * import { landmarkBox } from '@lipsync/face-crop';
 * const { left, top, right, bottom } = landmarkBox(track.points.subarray(136 * frame, 136 * (frame + 1)));
 */
export function landmarkBox(points: Float32Array): LandmarkBox {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let i = 0; i < points.length; i += 2) {
    box.left = Math.min(box.left, points[i]);
    box.right = Math.max(box.right, points[i]);
    box.top = Math.min(box.top, points[i + 1]);
    box.bottom = Math.max(box.bottom, points[i + 1]);
  }
  return box;
}

/** Common area over joint area of two boxes, 0..1. */
export function boxOverlap(a: LandmarkBox, b: LandmarkBox): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: LandmarkBox) => (box.right - box.left) * (box.bottom - box.top);
  return (width * height) / (area(a) + area(b) - width * height);
}

/**
 * The square in which the 68-point network sees a face next: upright by the eye centres, around the middle of the
 * rotated landmarks' box, `scale` times its longer side.
 *
 * @example
 * const square = trackingSquare(points, 1.2);
 */
export function trackingSquare(points: Landmarks68, scale: number): Square {
  const [leftX, leftY] = meanPoint(points, 36, 41);
  const [rightX, rightY] = meanPoint(points, 42, 47);
  const angle = Math.atan2(rightY - leftY, rightX - leftX);
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const rotated = new Float32Array(points.length);
  for (let i = 0; i < points.length; i += 2) {
    rotated[i] = cos * points[i] + sin * points[i + 1];
    rotated[i + 1] = cos * points[i + 1] - sin * points[i];
  }
  const box = landmarkBox(rotated);
  const x = (box.left + box.right) / 2;
  const y = (box.top + box.bottom) / 2;
  const side = Math.max(box.right - box.left, box.bottom - box.top) * scale;
  return { x: cos * x - sin * y, y: sin * x + cos * y, side, angle };
}

/**
 * Maps points from units of a square's side to pixels of the frame.
 *
 * @param mirrored whether the square was mirrored: the points are put back in order. Default false.
 */
export function pointsFromSquare(
  points: ArrayLike<number>,
  square: Square,
  { mirrored = false }: { mirrored?: boolean } = {},
): Float32Array {
  const result = new Float32Array(136);
  const cos = Math.cos(square.angle) * square.side;
  const sin = Math.sin(square.angle) * square.side;
  for (let i = 0; i < 68; i++) {
    const source = 2 * (mirrored ? MIRRORED_POINT[i] : i);
    const u = (points[source] - 0.5) * (mirrored ? -1 : 1);
    const v = points[source + 1] - 0.5;
    result[2 * i] = square.x + cos * u - sin * v;
    result[2 * i + 1] = square.y + sin * u + cos * v;
  }
  return result;
}
