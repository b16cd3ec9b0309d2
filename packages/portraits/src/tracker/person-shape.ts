import { fitSimilarity, type Similarity, solve } from './fit-similarity';
import { MEAN_FACE, POSE_WEIGHTS } from './mean-face';

/** How much the generic face counts beside one frame of the person: across the face next to nothing, in depth more. */
const PRIOR = [0.001, 0.001, 0.03];
const ROUNDS = 3;

/** Points of a face over time: `[frameCount, 68, 2]` in an image, or `[frameCount, 68, 3]` before a camera. */
export type FacePoints = { data: ArrayLike<number>; frameCount: number; dimensions: 2 | 3 };

/** A person's mean face, `[68, 3]`, and where it lies in each frame. */
export type PersonFit = {
  shape: Float64Array;
  poses: Similarity[];
  /**
   * Distance between the points that decide the pose and where the face puts them, root mean square, as a share of the
   * distance between the outer corners of the eyes: for the generic face, and for the person's.
   */
  error: { generic: number; person: number };
};

/**
 * Fits the generic face to each frame, then bends it to the person: each point goes to where it lies on average in the
 * face, and the frames are fitted again; three rounds. What a video does not show, as the depth of a face that never
 * turns, stays the generic face's.
 */
export function fitPerson(points: FacePoints): PersonFit {
  const fitAll = (shape: Float64Array) =>
    Array.from({ length: points.frameCount }, (_, frame) =>
      fitSimilarity(shape, {
        points: pointsOf(points, frame),
        dimensions: points.dimensions,
        weights: POSE_WEIGHTS,
      }),
    );
  let shape = MEAN_FACE;
  let poses = fitAll(shape);
  const generic = fitError(points, shape, poses);
  for (let round = 0; round < ROUNDS; round++) {
    shape = bend(points, poses);
    poses = fitAll(shape);
  }
  return { shape, poses, error: { generic, person: fitError(points, shape, poses) } };
}

/** The points of one frame. */
function pointsOf({ data, dimensions }: FacePoints, frame: number): Float64Array {
  const size = 68 * dimensions;
  return Float64Array.from({ length: size }, (_, i) => data[frame * size + i]);
}

/** `min Σ |P(R · X) − (x − shift) / scale|² / frames + prior · (X − generic)²` for each point by itself. */
function bend(points: FacePoints, poses: readonly Similarity[]): Float64Array {
  const { dimensions, data } = points;
  const shape = new Float64Array(3 * 68);
  const share = 1 / poses.length;
  for (let point = 0; point < 68; point++) {
    const normal = new Float64Array(9);
    const right = new Float64Array(3);
    for (let axis = 0; axis < 3; axis++) {
      normal[4 * axis] = PRIOR[axis];
      right[axis] = PRIOR[axis] * MEAN_FACE[3 * point + axis];
    }
    poses.forEach(({ rotation, scale, shift }, frame) => {
      for (let d = 0; d < dimensions; d++) {
        const seen = (data[(frame * 68 + point) * dimensions + d] - shift[d]) / scale;
        for (let a = 0; a < 3; a++) {
          right[a] += share * rotation[3 * d + a] * seen;
          for (let b = 0; b < 3; b++) normal[3 * a + b] += share * rotation[3 * d + a] * rotation[3 * d + b];
        }
      }
    });
    shape.set(solve(normal, right), 3 * point);
  }
  return shape;
}

function fitError(points: FacePoints, shape: Float64Array, poses: readonly Similarity[]): number {
  let [sum, weight] = [0, 0];
  poses.forEach(({ rotation, scale, shift }, frame) => {
    const face = pointsOf(points, frame);
    const eyes = eyeDistance(face, points.dimensions);
    for (let i = 0; i < 68; i++) {
      for (let d = 0; d < points.dimensions; d++) {
        const row = rotation.slice(3 * d, 3 * d + 3);
        const at = scale * row.reduce((total, value, a) => total + value * shape[3 * i + a], 0) + shift[d];
        sum += POSE_WEIGHTS[i] * ((face[i * points.dimensions + d] - at) / eyes) ** 2;
      }
      weight += POSE_WEIGHTS[i];
    }
  });
  return Math.sqrt(sum / weight);
}

/** Distance between the outer corners of the eyes. */
function eyeDistance(face: ArrayLike<number>, dimensions: number): number {
  let sum = 0;
  for (let d = 0; d < dimensions; d++) sum += (face[45 * dimensions + d] - face[36 * dimensions + d]) ** 2;
  return Math.sqrt(sum);
}
