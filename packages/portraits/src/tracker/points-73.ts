import { fail } from '@lipsync/contracts';
import { FACE_POINTS } from '../edge-map/face-lines';

/** Parts of the 68 points that make up one of the 73; the weights sum to one. */
type Mix = readonly (readonly [point: number, weight: number])[];

const one = (point: number): Mix => [[point, 1]];
const between = (a: number, b: number, share = 0.5): Mix => [
  [a, 1 - share],
  [b, share],
];
/** A fifth of the way from a brow to the lid below it: the brow's lower edge. */
const below = (brow: number, lid: number): Mix => between(brow, lid, 0.2);

const MIXES: readonly Mix[] = [
  // jaw: fifteen points, the chin in the middle
  ...Array.from({ length: 15 }, (_, i) => onJaw((i * 16) / 14)),
  // brows: the upper edge from the outer or inner end on, the lower one back
  ...[one(17), between(18, 19), one(20), one(21), below(20, 38), below(18, 37)],
  ...[one(22), one(23), between(24, 25), one(26), below(25, 44), below(23, 43)],
  // corners, upper and lower lid
  ...[one(36), between(37, 38), one(39), between(40, 41)],
  ...[one(42), between(43, 44), one(45), between(46, 47)],
  // nose: down one side of the ridge, along the nostrils and up again; then the nostrils themselves
  ...[
    between(27, 39, 0.4),
    mean(29, 31),
    one(31),
    one(32),
    one(33),
    one(34),
    one(35),
    mean(29, 35),
    between(27, 42, 0.4),
  ],
  ...[mean(31, 32, 33), mean(33, 34, 35)],
  // outer lips, inner lips
  ...Array.from({ length: 12 }, (_, i) => one(48 + i)),
  ...[67, 66, 65, 63, 62, 61].map(one),
  // tip of the nose, lids between corner and middle
  ...[30, 37, 41, 40, 38, 44, 46, 47, 43].map(one),
];

/**
 * The 73 points of Live Speech Portraits from the 68 of iBUG.
 *
 * Most are points of the 68; the jaw's fifteen lie on the line through the seventeen; the lower edges of the brows, the
 * sides of the nose's ridge and the nostrils, which the 68 do not have, are weighted means of their neighbours.
 *
 * Source: the order follows from the contours that the published code draws.
 *
 * @param points borrowed; `[68, dimensions]`.
 * @param dimensions of a point. Default 2.
 * @returns `[73, dimensions]`, a new array.
 * @throws TypeError for another number of points.
 * @example
 * import { points73 } from '@lipsync/portraits';
 * const face = points73(new Float32Array(136)); // [73, 2]
 */
export function points73(points: ArrayLike<number>, dimensions: 2 | 3 = 2): Float32Array {
  if (points?.length !== 68 * dimensions)
    fail(TypeError, 'points73', 'points', `[68, ${dimensions}], ${68 * dimensions} values`, points?.length);
  const out = new Float32Array(FACE_POINTS * dimensions);
  MIXES.forEach((mix, i) => {
    for (let axis = 0; axis < dimensions; axis++)
      out[i * dimensions + axis] = mix.reduce(
        (sum, [point, share]) => sum + share * points[point * dimensions + axis],
        0,
      );
  });
  return out;
}

function onJaw(place: number): Mix {
  const point = Math.min(Math.floor(place), 15);
  return between(point, point + 1, place - point);
}

function mean(...points: number[]): Mix {
  return points.map((point) => [point, 1 / points.length]);
}
