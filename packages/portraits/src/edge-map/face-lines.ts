/** How many points a face of Live Speech Portraits has. */
export const FACE_POINTS = 73;

/** Points of the eighteen of the mouth, of the seven of the jaw that move with it, and of the eyes, among the 73. */
export const FACE_PARTS = {
  /** Seven points of the jaw, then the twelve of the outer and the six of the inner lips: what the mouth network gives. */
  mouthAndJaw: [...range(4, 11), ...range(46, 64)],
  /** Outer lips, from the left corner over the upper lip, then the inner ones. */
  mouth: range(46, 64),
  /** Loops around both eyes; they carry the lids. */
  eyes: [27, 65, 28, 68, 29, 67, 30, 66, 31, 72, 32, 69, 33, 70, 34, 71],
} as const;

/**
 * The lines of an edge map: chains of indices among the 73 points of a face.
 *
 * Source: the parts that the published renderer draws: jaw, brows, nose, eyes, outer and inner lips.
 *
 * @example
 * import { FACE_LINES } from '@lipsync/portraits';
 * console.log(FACE_LINES.length); // 12
 */
export const FACE_LINES: readonly (readonly number[])[] = [
  range(0, 15),
  [15, 16, 17, 18, 19, 20, 15],
  [21, 22, 23, 24, 25, 26, 21],
  range(35, 44),
  [27, 65, 28, 68, 29],
  [29, 67, 30, 66, 27],
  [33, 69, 32, 72, 31],
  [31, 71, 34, 70, 33],
  range(46, 53),
  [52, 53, 54, 55, 56, 57, 46],
  [46, 63, 62, 61, 52],
  [52, 60, 59, 58, 46],
];

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}
