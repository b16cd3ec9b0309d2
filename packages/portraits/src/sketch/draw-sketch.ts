import { fail } from '@lipsync/contracts';
import { drawChain, pixelsOf } from '../edge-map/draw-edge-map';
import { drawLine } from '../edge-map/draw-line';
import type { SketchDatabase } from './sketch-database';

/** Contours of iBUG's 68 points: jaw, brows, nose, eyes, lips. */
const SKETCH_LINES: readonly (readonly number[])[] = [
  chain(0, 16),
  ...[chain(17, 21), chain(22, 26), chain(27, 30), chain(31, 35)],
  ...[loop(36, 41), loop(42, 47), loop(48, 59), loop(60, 67)],
];

/** A square of the plane in which a database lies: what a picture of a sketch shows. */
export type SketchView = { left: number; top: number; side: number };

/** The square around the face of the reference frame, with a fifth of it free on each side. */
export function sketchView({ points, pointCount, reference }: SketchDatabase): SketchView {
  const face = points.subarray(reference.frame * pointCount * 2, (reference.frame + 1) * pointCount * 2);
  const [left, top] = [0, 1].map((axis) => extreme(face, axis, Math.min));
  const [right, bottom] = [0, 1].map((axis) => extreme(face, axis, Math.max));
  const side = Math.max(right - left, bottom - top) * 1.4;
  return { left: (left + right - side) / 2, top: (top + bottom - side) / 2, side };
}

/** Where a view shows points in a picture: `[points, 2]`, pixels. */
export function inView(points: ArrayLike<number>, { left, top, side }: SketchView, size: number): Float32Array {
  return Float32Array.from(points, (value, i) => ((value - (i % 2 === 0 ? left : top)) * size) / side);
}

/** Options of `drawSketch`. */
export type DrawSketchOptions = {
  /** What the picture shows: `sketchView(database)`. */
  view: SketchView;
  /** Side of the picture in pixels. Default 512. */
  size?: number;
  /** Of the lines, in pixels, at least 2. Default: a hundred and seventieth of the side. */
  thickness?: number;
};

/**
 * A face's contours as black lines on white; pupils, where there are any, as dots.
 *
 * @param points `[68 or 70, 2]`; borrowed.
 * @returns RGB, `size * size * 3` bytes; the caller's.
 * @throws TypeError for another number of points; RangeError for values that are not finite, sizes out of range.
 * @example
 * import { drawSketch, sketchView, type Sketch, type SketchDatabase } from '@lipsync/portraits';
 * declare const database: SketchDatabase;
 * declare const sketch: Sketch;
 * const picture = drawSketch(sketch.points.subarray(0, 136), { view: sketchView(database), size: 256 });
 */
export function drawSketch(points: ArrayLike<number>, options: DrawSketchOptions): Uint8Array {
  const where = 'drawSketch';
  const { view, size = 512 } = options;
  if (!(Number.isInteger(size) && size > 0)) fail(RangeError, where, 'options.size', 'a whole number above 0', size);
  const { thickness = Math.max(2, Math.round(size / 170)) } = options;
  if (!(Number.isInteger(thickness) && thickness > 1))
    fail(RangeError, where, 'options.thickness', 'a whole number of at least 2 pixels', thickness);
  if (points?.length !== 136 && points?.length !== 140)
    fail(TypeError, where, 'points', '[68 or 70, 2]', `${points?.length} values`);
  const pixels = pixelsOf(where, 'points', inView(points, view, size));
  const image = { data: new Uint8Array(size * size).fill(255), width: size, height: size };
  for (const line of SKETCH_LINES) drawChain(image, { line: line.map((i) => pixels[i]), thickness, value: 0 });
  for (const pupil of pixels.slice(68)) drawLine(image, [pupil, pupil], 2 * thickness, 0);
  return Uint8Array.from({ length: 3 * size * size }, (_, i) => image.data[Math.floor(i / 3)]);
}

function extreme(face: Float32Array, axis: number, of: (...values: number[]) => number): number {
  return of(...face.filter((_, i) => i % 2 === axis));
}

function chain(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function loop(first: number, last: number): number[] {
  return [...chain(first, last), first];
}
