import { fail } from '@lipsync/contracts';
import { decodePath } from './decode-path';
import { type KeyPoints, pointCountOf } from './key-points';
import { type Candidate, nearestFrames } from './nearest-frames';
import { normaliseKeyPoints } from './normalise';
import { eyesOf, frameDistance, type SketchDatabase } from './sketch-database';

/** Options of `retrieveSketch`. */
export type RetrieveSketchOptions = {
  /**
   * `nearest`: the nearest frame of the database for each frame by itself, as the thesis does. `viterbi`: the path through
   * the database for which distances and transitions together cost least, which it names. Default `nearest`.
   */
  decoder?: 'nearest' | 'viterbi';
  /** What a transition counts beside a distance, for `viterbi`. Default 0.3: on GRID the least jitter for the distance. */
  transitionWeight?: number;
  /** For `viterbi`: frames that are considered for each query frame, and as many that follow those. Default 25. */
  candidates?: number;
  /**
   * Whose face the query shows. `same`: the database's speaker, or faces as they are, as in the thesis. `other`: each point
   * is first moved by a constant, so that its mean over the query is its mean over the database: movements are compared, not
   * the shapes of two people. Default `same`.
   */
  speaker?: 'same' | 'other';
  /** Called after each query frame. */
  onProgress?: (done: number, total: number) => void;
};

/** Frames of the database for each frame of a query. */
export type Sketch = {
  /** Index in the database for each query frame. */
  frames: Int32Array;
  /** `[frames, 68 or 70, 2]`: the points of these frames, laid over the reference frame. */
  points: Float32Array;
  /** The query's own points, laid over the reference frame; with `speaker: 'other'` moved as described there. */
  query: Float32Array;
  /** Mean weighted distance between points and query, as a share of the distance between the outer eye corners. */
  distance: number;
  /** `sketchJitter` of the points, and of the query. */
  jitter: { sketch: number; query: number };
  /** Pairs of frames that follow each other in the database as they do in the sketch, as a share of all pairs. */
  continued: number;
};

/**
 * A talking sketch: for each frame of a query the frame of the database whose face is nearest.
 *
 * The query is laid over the database's reference frame. Distance of two frames: weighted sum of the distances between
 * their points. A transition from frame a to frame b costs the distance from the frame that follows a to b, so that a run
 * of frames as they were recorded costs nothing; after the last frame of a clip, and in place of a frame that follows,
 * that frame itself.
 *
 * Source: the thesis; its nearest frames equal those of NumPy, and the path of least cost that of an exhaustive search,
 * see the tests. What a transition costs it leaves open.
 *
 * @param query borrowed; as many points a frame as the database has.
 * @throws TypeError for another number of points; RangeError for options out of range, and as `buildSketchDatabase`.
 * @example
 * import { retrieveSketch, type KeyPoints, type SketchDatabase } from '@lipsync/portraits';
 * declare const database: SketchDatabase;
 * declare const query: KeyPoints;
 * const { frames, jitter } = retrieveSketch(database, query);
 */
export function retrieveSketch(
  database: SketchDatabase,
  query: KeyPoints,
  options: RetrieveSketchOptions = {},
): Sketch {
  const where = 'retrieveSketch';
  const {
    decoder = 'nearest',
    speaker = 'same',
    transitionWeight = 0.3,
    candidates = 25,
    onProgress = () => {},
  } = options;
  const count = pointCountOf(where, 'query', query);
  if (count !== database.pointCount) fail(TypeError, where, 'query', `of ${database.pointCount} points`, count);
  if (!(transitionWeight >= 0 && Number.isFinite(transitionWeight)))
    fail(RangeError, where, 'options.transitionWeight', 'at least 0', transitionWeight);
  if (!(Number.isInteger(candidates) && candidates > 0))
    fail(RangeError, where, 'options.candidates', 'a whole number above 0', candidates);
  const { corners, triangle } = database.reference;
  const laid = normaliseKeyPoints(query, corners, triangle).points;
  const size = count * 2;
  const normal = speaker === 'same' ? laid : meanMoved(laid, database.points, size);
  const steps = Array.from({ length: query.frameCount }, (_, t) => {
    const found = nearestFrames(database, [normal, t * size], decoder === 'nearest' ? 1 : candidates);
    onProgress(t + 1, query.frameCount);
    return found;
  });
  const frames =
    decoder === 'nearest'
      ? Int32Array.from(steps, ([{ frame }]) => frame)
      : decodePath(withFollowers(database, normal, steps), transitions(database, transitionWeight)).frames;
  const points = new Float32Array(query.frameCount * size);
  let cost = 0;
  frames.forEach((frame, t) => {
    points.set(database.points.subarray(frame * size, (frame + 1) * size), t * size);
    cost += frameDistance(database.weights, [normal, t * size], [database.points, frame * size]);
  });
  const unit = eyesOf(database);
  const total = database.weights.reduce((sum, weight) => sum + weight, 0) * query.frameCount * unit;
  const jitter = (of: Float32Array) => sketchJitter({ points: of, frameCount: query.frameCount }, unit);
  const follows = (t: number) => frames[t] + 1 === frames[t + 1] && follower(database, frames[t]) === frames[t + 1];
  const continued = Array.from({ length: frames.length - 1 }, (_, t) => t).filter(follows).length;
  return {
    ...{ frames, points, query: normal, distance: cost / total },
    ...{
      jitter: { sketch: jitter(points), query: jitter(normal) },
      continued: continued / Math.max(1, frames.length - 1),
    },
  };
}

/**
 * Jitter of a face's lips: mean length of the second difference over time of the points of the lips.
 *
 * @param unit length that it is a share of, such as the distance between the outer corners of the eyes. Default 1.
 * @returns 0 for fewer than three frames.
 * @example
 * import { sketchJitter } from '@lipsync/portraits';
 * console.log(sketchJitter({ points: new Float32Array(50 * 136), frameCount: 50 })); // 0
 */
export function sketchJitter(keyPoints: KeyPoints, unit = 1): number {
  const size = pointCountOf('sketchJitter', 'keyPoints', keyPoints) * 2;
  const { points, frameCount } = keyPoints;
  let sum = 0;
  for (let frame = 1; frame < frameCount - 1; frame++) {
    for (let i = 48; i < 68; i++) {
      const at = frame * size + 2 * i;
      const [x, y] = [0, 1].map((axis) => {
        return points[at - size + axis] - 2 * points[at + axis] + points[at + size + axis];
      });
      sum += Math.hypot(x, y);
    }
  }
  return frameCount < 3 ? 0 : sum / (20 * (frameCount - 2)) / unit;
}

/** Frames whose mean is that of others. */
function meanMoved(frames: Float32Array, others: Float32Array, size: number): Float32Array {
  const mean = (of: Float32Array) => {
    const sums = new Float64Array(size);
    for (let i = 0; i < of.length; i++) sums[i % size] += of[i];
    return sums.map((sum) => (sum * size) / of.length);
  };
  const [from, to] = [mean(frames), mean(others)];
  return frames.map((value, i) => value - from[i % size] + to[i % size]);
}

/** The frame that follows one in its clip; at the clip's end the frame itself. */
function follower({ starts }: SketchDatabase, frame: number): number {
  return starts.includes(frame + 1) ? frame : frame + 1;
}

/** Adds to the candidates of each step those that follow the candidates of the step before. */
function withFollowers(database: SketchDatabase, query: Float32Array, steps: Candidate[][]): Candidate[][] {
  const size = database.pointCount * 2;
  return steps.map((own, t) => {
    const all = new Map(own.map((candidate) => [candidate.frame, candidate]));
    for (const { frame } of t > 0 ? steps[t - 1] : []) {
      const next = follower(database, frame);
      if (all.has(next)) continue;
      const cost = frameDistance(database.weights, [query, t * size], [database.points, next * size]);
      all.set(next, { frame: next, cost });
    }
    return [...all.values()];
  });
}

function transitions(database: SketchDatabase, weight: number): (from: number, to: number) => number {
  const { points, weights, pointCount } = database;
  const size = pointCount * 2;
  return (from, to) => {
    const next = follower(database, from);
    return next === to ? 0 : weight * frameDistance(weights, [points, next * size], [points, to * size]);
  };
}
