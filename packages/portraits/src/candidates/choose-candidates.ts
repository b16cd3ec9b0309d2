import { fail } from '@lipsync/contracts';
import { FACE_POINTS } from '../edge-map/face-lines';
import { assertFaces } from '../post-processing/close-lips';
import { type FrameValues, frameSizeOf } from '../post-processing/gaussian-filter';

/** Options of `chooseCandidates`. */
export type CandidateOptions = {
  /**
   * Which smallest and largest mouth is taken, counted from the extreme, so that no outlier is. Default 100, and in short
   * videos a twentieth of the frames.
   */
  rank?: number;
  /** How many frames are chosen by their rotation. Default 2. */
  rotations?: number;
};

/**
 * The frames that show the person to the renderer: a mouth that is nearly closed, one that is wide open, and heads that
 * are turned.
 *
 * By area of the outer lips in the face's own plane, the `rank`-th smallest and the `rank`-th largest; then the frames
 * whose rotations about x and y are nearest to points that divide the ranges of both evenly:
 * `min + (max − min) · j / (rotations + 1)`.
 *
 * Source: the paper's four candidates; where the rotations are sampled it leaves open. Equal to NumPy and OpenCV
 * (`contourArea`), see the test.
 *
 * @param faces borrowed; `[frameCount, 73, 3]`.
 * @param poses borrowed; `[frameCount, 6]`, of which the first two are taken, degrees.
 * @returns indices of frames: smallest mouth, largest mouth, then by rotation; of frames that are equally near the first.
 * @throws TypeError for other shapes; RangeError for a rank beyond the frames.
 * @example
 * import { chooseCandidates } from '@lipsync/portraits';
 * const faces = { data: new Float32Array(60 * 219), frameCount: 60 };
 * const four = chooseCandidates(faces, { data: new Float32Array(60 * 6), frameCount: 60 });
 */
export function chooseCandidates(faces: FrameValues, poses: FrameValues, options: CandidateOptions = {}): number[] {
  const where = 'chooseCandidates';
  assertFaces(where, faces);
  const { frameCount } = faces;
  const size = frameSizeOf(where, poses);
  if (size !== 6 || poses.frameCount !== frameCount)
    fail(TypeError, where, 'poses', `[${frameCount}, 6]`, `[${poses.frameCount}, ${size}]`);
  const { rank = Math.min(100, Math.ceil(frameCount / 20)), rotations = 2 } = options;
  if (!(Number.isInteger(rank) && rank > 0 && rank <= frameCount))
    fail(RangeError, where, 'options.rank', `from 1 to ${frameCount}, the number of frames`, rank);
  if (!(Number.isInteger(rotations) && rotations >= 0))
    fail(RangeError, where, 'options.rotations', 'a whole number of at least 0', rotations);
  const areas = Array.from({ length: frameCount }, (_, frame) =>
    mouthArea(faces.data.subarray(frame * 3 * FACE_POINTS)),
  );
  const byArea = areas.map((_, frame) => frame).sort((a, b) => areas[a] - areas[b] || a - b);
  return [byArea[rank - 1], byArea[frameCount - rank], ...turnedHeads(poses, rotations)];
}

/** Area inside the outer lips, as seen from the front, in squared units of the face. */
function mouthArea(face: Float32Array): number {
  let twice = 0;
  for (let point = 46; point < 58; point++) {
    const next = point === 57 ? 46 : point + 1;
    twice += face[3 * point] * face[3 * next + 1] - face[3 * next] * face[3 * point + 1];
  }
  return Math.abs(twice) / 2;
}

function turnedHeads({ data, frameCount }: FrameValues, count: number): number[] {
  const frames = Array.from({ length: frameCount }, (_, frame) => frame);
  const [low, high] = [0, 1].map((side) =>
    [0, 1].map((axis) =>
      frames.reduce((best, frame) => (side ? Math.max : Math.min)(best, data[6 * frame + axis]), data[axis]),
    ),
  );
  return Array.from({ length: count }, (_, j) => {
    const target = [0, 1].map((axis) => low[axis] + ((high[axis] - low[axis]) * (j + 1)) / (count + 1));
    const distance = (frame: number) => Math.hypot(data[6 * frame] - target[0], data[6 * frame + 1] - target[1]);
    return frames.reduce((best, frame) => (distance(frame) < distance(best) ? frame : best), 0);
  });
}
