import { fail } from '@lipsync/contracts';
import { type FrameValues, frameSizeOf, gaussianFilter } from './gaussian-filter';

/** Options of `headMotion`. */
export type HeadMotionOptions = {
  /** Mean translation of the person's head, added at the end. Default 0, 0, 0. */
  meanTranslation?: readonly [number, number, number];
  /** By how much rotations and translations are multiplied. Default 1 and 0.5. */
  amplify?: { rotation?: number; translation?: number };
  /** Standard deviations of the smoothing over time, in frames. Default 5 and 10. */
  sigma?: { rotation?: number; translation?: number };
};

/**
 * Head poses from those that the pose network samples: amplified, smoothed over time, moved to the person's mean place.
 *
 * Source: the published demo with its configuration for one person. Equal to NumPy and SciPy to 1e-6 of the largest
 * value, see the test.
 *
 * @param poses borrowed; `[frameCount, 6 or 12]`: rotations about x, y, z in degrees (0: frontal), translations less the
 * mean, then, not used, their velocities.
 * @returns `[frameCount, 6]`, a new array.
 * @throws TypeError for other shapes.
 * @example
 * import { headMotion } from '@lipsync/portraits';
 * const poses = headMotion({ data: new Float32Array(60 * 12), frameCount: 60 }, { meanTranslation: [0, 0, 500] });
 */
export function headMotion(poses: FrameValues, options: HeadMotionOptions = {}): Float32Array {
  const where = 'headMotion';
  const { meanTranslation = [0, 0, 0] } = options;
  const amplify = { rotation: 1, translation: 0.5, ...options.amplify };
  const sigma = { rotation: 5, translation: 10, ...options.sigma };
  const size = frameSizeOf(where, poses);
  if (size !== 6 && size !== 12) fail(TypeError, where, 'poses', '6 or 12 values a frame', size);
  const { data, frameCount } = poses;
  const part = (first: number, factor: number) =>
    Float32Array.from({ length: 3 * frameCount }, (_, i) => factor * data[Math.floor(i / 3) * size + first + (i % 3)]);
  const rotation = gaussianFilter({ data: part(0, amplify.rotation), frameCount }, sigma.rotation);
  const translation = gaussianFilter({ data: part(3, amplify.translation), frameCount }, sigma.translation);
  const out = new Float32Array(6 * frameCount);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let axis = 0; axis < 3; axis++) {
      out[6 * frame + axis] = rotation[3 * frame + axis];
      out[6 * frame + 3 + axis] = translation[3 * frame + axis] + meanTranslation[axis];
    }
  }
  return out;
}
