import { fail } from '@lipsync/contracts';
import { drawLine, type GrayImage, type Pixel } from './draw-line';
import { FACE_LINES, FACE_POINTS } from './face-lines';

/** Options of `drawEdgeMap`. */
export type EdgeMapOptions = {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /**
   * `[count, 2]` pixels: the first half is the line of one shoulder, the second half that of the other. Default: none.
   */
  shoulders?: ArrayLike<number>;
  /** Pixels, at least 2. Default 2. */
  thickness?: number;
};

/**
 * The edge map of a face, which the renderer takes: its contours as white lines on black.
 *
 * Source: the published renderer draws the same lines (`FACE_LINES`, then the shoulders) with `cv2.line`, thickness 2,
 * in a map of 512 x 512; equal to OpenCV 4.6 in each pixel, see the test.
 *
 * @param points `[73, 2]`, x and y in pixels, pixel centres at +0.5: a line runs through the pixels that hold its ends.
 * @returns `width * height` bytes, 0 or 255, row by row; the caller's.
 * @throws TypeError for another number of points; RangeError for points that are not finite, and sizes below 1.
 * @example
 * import { drawEdgeMap } from '@lipsync/portraits';
 * const map = drawEdgeMap(new Float32Array(146).fill(64), { width: 128, height: 128 });
 */
export function drawEdgeMap(points: ArrayLike<number>, options: EdgeMapOptions): Uint8Array {
  const where = 'drawEdgeMap';
  const { width, height, shoulders, thickness = 2 } = options;
  for (const [name, side] of Object.entries({ width, height }))
    if (!(Number.isInteger(side) && side > 0))
      fail(RangeError, where, `options.${name}`, 'a whole number above 0', side);
  if (!(Number.isInteger(thickness) && thickness > 1))
    fail(RangeError, where, 'options.thickness', 'a whole number of at least 2 pixels', thickness);
  if (points?.length !== 2 * FACE_POINTS) fail(TypeError, where, 'points', '[73, 2], 146 values', points?.length);
  if (shoulders && shoulders.length % 4 !== 0)
    fail(TypeError, where, 'options.shoulders', 'the same number of points for both sides', shoulders.length / 2);
  const face = pixelsOf(where, 'points', points);
  const image = { data: new Uint8Array(width * height), width, height };
  for (const line of FACE_LINES) drawChain(image, { line: line.map((i) => face[i]), thickness });
  if (shoulders) {
    const both = pixelsOf(where, 'options.shoulders', shoulders);
    const half = both.length / 2;
    for (const line of [both.slice(0, half), both.slice(half)]) drawChain(image, { line, thickness });
  }
  return image.data;
}

/** Draws the pieces of a line through several places. */
export function drawChain(
  image: GrayImage,
  { line, thickness, value = 255 }: { line: readonly Pixel[]; thickness: number; value?: number },
): void {
  for (let i = 1; i < line.length; i++) drawLine(image, [line[i - 1], line[i]], thickness, value);
}

/** The pixel that holds each point; far outside, the nearest place that numbers can be counted on to reach. */
export function pixelsOf(where: string, name: string, points: ArrayLike<number>): Pixel[] {
  const FAR = 1e5;
  return Array.from({ length: points.length / 2 }, (_, i) => {
    const [x, y] = [points[2 * i], points[2 * i + 1]];
    if (!(Number.isFinite(x) && Number.isFinite(y))) fail(RangeError, where, `${name}[${i}]`, 'finite', [x, y]);
    return [x, y].map((value) => Math.floor(Math.min(Math.max(value, -FAR), FAR))) as [number, number];
  });
}
