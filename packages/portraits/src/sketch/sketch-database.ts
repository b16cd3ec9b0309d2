import { fail } from '@lipsync/contracts';
import { distance, type KeyPoints, pointCountOf } from './key-points';
import {
  type Corners,
  cornersOf,
  normaliseKeyPoints,
  referenceFrame,
  SKETCH_TRIANGLE,
  type Triangle,
} from './normalise';

/** Options of `buildSketchDatabase`. */
export type SketchDatabaseOptions = {
  /** Points that are laid over those of the reference frame. Default `SKETCH_TRIANGLE`. */
  triangle?: Triangle;
  /** How much points count in a distance. Default: lips 10, eyes and pupils 2, others 1. */
  weights?: { lips?: number; eyes?: number; others?: number };
};

/** Frames of a speaker, from which a sketch takes what is nearest to a query. */
export type SketchDatabase = {
  /** `[frameCount, pointCount, 2]`, all frames of all clips, laid over the reference frame. */
  points: Float32Array;
  frameCount: number;
  /** 68 or 70. */
  pointCount: number;
  /** Weight of each point in a distance. */
  weights: Float64Array;
  /** Index of the first frame of each clip, then `frameCount`. */
  starts: number[];
  /** The reference frame, by its index here, and what is laid over its corners. */
  reference: { frame: number; corners: Corners; triangle: Triangle };
};

/**
 * Lays the key points of all frames of a speaker over those of the reference frame, which has the largest triangle.
 *
 * Source: the thesis's talking sketch. Equal to NumPy, see the test.
 *
 * @param clips key points of recordings of one speaker, in the order in which they are numbered; borrowed.
 * @throws RangeError for no clip, weights that are no numbers of at least 0, three points on one line; TypeError for clips
 * with different numbers of points.
 * @example
 * import { buildSketchDatabase, retrieveSketch } from '@lipsync/portraits';
 * import type { KeyPoints } from '@lipsync/portraits';
 * declare const clips: KeyPoints[];
 * declare const query: KeyPoints;
 * const sketch = retrieveSketch(buildSketchDatabase(clips), query, { decoder: 'viterbi' });
 */
export function buildSketchDatabase(clips: readonly KeyPoints[], options: SketchDatabaseOptions = {}): SketchDatabase {
  const where = 'buildSketchDatabase';
  const { triangle = SKETCH_TRIANGLE } = options;
  if (!(clips?.length > 0)) fail(RangeError, where, 'clips', 'at least one', clips?.length);
  const counts = clips.map((clip, i) => pointCountOf(where, `clips[${i}]`, clip));
  const pointCount = counts[0];
  const other = counts.findIndex((count) => count !== pointCount);
  if (other >= 0) fail(TypeError, where, `clips[${other}]`, `of ${pointCount} points as the first`, counts[other]);
  const starts = [0];
  for (const { frameCount } of clips) starts.push(starts[starts.length - 1] + frameCount);
  const frameCount = starts[starts.length - 1];
  const all = { points: new Float32Array(frameCount * pointCount * 2), frameCount };
  clips.forEach((clip, i) => {
    all.points.set(clip.points, starts[i] * pointCount * 2);
  });
  const frame = referenceFrame(all, triangle);
  const corners = cornersOf(all, frame, triangle);
  const { points } = normaliseKeyPoints(all, corners, triangle);
  const weights = weightsOf(where, pointCount, options.weights);
  return { points, frameCount, pointCount, weights, starts, reference: { frame, corners, triangle } };
}

function weightsOf(where: string, count: number, given: SketchDatabaseOptions['weights']): Float64Array {
  const { lips, eyes, others } = { lips: 10, eyes: 2, others: 1, ...given };
  for (const [name, weight] of Object.entries({ lips, eyes, others }))
    if (!(weight >= 0 && Number.isFinite(weight)))
      fail(RangeError, where, `options.weights.${name}`, 'at least 0', weight);
  return Float64Array.from({ length: count }, (_, i) => {
    if (i >= 48 && i < 68) return lips;
    return i >= 36 ? eyes : others;
  });
}

/** Distance between the outer corners of the eyes in the reference frame: the unit of distances that are reported. */
export function eyesOf({ points, pointCount, reference }: SketchDatabase): number {
  return distance(points, reference.frame * pointCount * 2, [36, 45]);
}

/** Weighted sum of the distances between the points of two frames; stops where it exceeds `bound`. */
export function frameDistance(
  weights: Float64Array,
  [a, atA]: readonly [Float32Array, number],
  [b, atB]: readonly [Float32Array, number],
  bound = Infinity,
): number {
  let sum = 0;
  // from the end: the lips, which count most, end a hopeless comparison soonest
  for (let i = weights.length - 1; i >= 0; i--) {
    const x = a[atA + 2 * i] - b[atB + 2 * i];
    const y = a[atA + 2 * i + 1] - b[atB + 2 * i + 1];
    sum += weights[i] * Math.sqrt(x * x + y * y);
    if (sum > bound) return Infinity;
  }
  return sum;
}
