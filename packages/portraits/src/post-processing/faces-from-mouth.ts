import { fail } from '@lipsync/contracts';
import { FACE_PARTS, FACE_POINTS } from '../edge-map/face-lines';
import { closeLips } from './close-lips';
import { type FrameValues, frameSizeOf, gaussianFilter } from './gaussian-filter';

/** Options of `facesFromMouth`. */
export type FacesFromMouthOptions = {
  /** `[73, 3]`: the person's mean face, y upwards; borrowed. */
  mean: ArrayLike<number>;
  /** Standard deviation of the smoothing over time, in frames. Default 1.5. */
  sigma?: number;
  /** By how much displacements are multiplied along x, y and z. Default 2, 2, 2. */
  amplify?: readonly [number, number, number];
  /**
   * Faces of the person, `[frameCount, 73, 3]`, borrowed: their eyes and lids (`FACE_PARTS.eyes`) are copied, from the
   * first frame on and again from there. Default: the mean face's.
   */
  eyes?: FrameValues;
  /** See `CloseLipsOptions`. Default `frame`. */
  outer?: 'frame' | 'all frames';
};

/**
 * Whole faces from the displacements that the mouth network gives: smoothed over time, amplified, added to the mean
 * face; lips that cross are closed; eyes and lids come from frames of the person.
 *
 * Source: the published demo with its configuration for one person, in which only the eighteen points of the mouth are
 * moved and the seven of the jaw are the mean face's. Equal to NumPy and SciPy to 1e-6 of the largest value, see the
 * test.
 *
 * @param displacements borrowed; `[frameCount, 25, 3]`: seven points of the jaw, then eighteen of the mouth, less the
 * mean face.
 * @returns `[frameCount, 73, 3]`, a new array.
 * @throws TypeError for other shapes.
 * @example
 * import { facesFromMouth } from '@lipsync/portraits';
 * const displacements = { data: new Float32Array(60 * 75), frameCount: 60 };
 * const faces = facesFromMouth(displacements, { mean: new Float32Array(219), amplify: [1, 1, 1] });
 */
export function facesFromMouth(displacements: FrameValues, options: FacesFromMouthOptions): Float32Array {
  const where = 'facesFromMouth';
  const { mean, sigma = 1.5, amplify = [2, 2, 2], eyes, outer } = options;
  const size = frameSizeOf(where, displacements);
  if (size !== 75)
    fail(
      TypeError,
      where,
      'displacements',
      `[${displacements.frameCount}, 25, 3], 75 values a frame`,
      `${size} a frame`,
    );
  if (mean?.length !== 3 * FACE_POINTS) fail(TypeError, where, 'options.mean', '[73, 3], 219 values', mean?.length);
  if (eyes && frameSizeOf(where, eyes) !== 3 * FACE_POINTS)
    fail(TypeError, where, 'options.eyes', '[frames, 73, 3]', `${frameSizeOf(where, eyes)} values a frame`);
  const { frameCount } = displacements;
  const smooth = gaussianFilter(displacements, sigma);
  const faces = new Float32Array(frameCount * 3 * FACE_POINTS);
  const jaw = FACE_PARTS.mouthAndJaw.length - FACE_PARTS.mouth.length;
  for (let frame = 0; frame < frameCount; frame++) {
    const face = faces.subarray(frame * 3 * FACE_POINTS, (frame + 1) * 3 * FACE_POINTS);
    face.set(mean);
    FACE_PARTS.mouth.forEach((point, i) => {
      for (let axis = 0; axis < 3; axis++)
        face[3 * point + axis] += amplify[axis] * smooth[frame * 75 + 3 * (jaw + i) + axis];
    });
    if (eyes) copyEyes(face, eyes.data.subarray((frame % eyes.frameCount) * 3 * FACE_POINTS));
  }
  return closeLips({ data: faces, frameCount }, { outer });
}

function copyEyes(face: Float32Array, from: Float32Array): void {
  for (const point of FACE_PARTS.eyes)
    for (let axis = 0; axis < 3; axis++) face[3 * point + axis] = from[3 * point + axis];
}
