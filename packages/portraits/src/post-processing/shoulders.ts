import { fail } from '@lipsync/contracts';
import { type Camera, toImage } from './camera';
import { type FrameValues, frameSizeOf } from './gaussian-filter';

/** Options of `projectShoulders`. */
export type ProjectShouldersOptions = {
  camera: Camera;
  /** Translation of the head in the frame in which the shoulders were placed. */
  reference: readonly [number, number, number];
  /** How far the upper body moves, as a share of the head's movement. Default 0.5. */
  share?: number;
};

/**
 * The shoulders of each frame in the image: they move half as far as the head.
 *
 * `x = K · (S + share · (t − reference))`, divided by z.
 *
 * Source: the published code; equal to NumPy to 1e-6 of the largest value, see the test.
 *
 * @param shoulders borrowed; `[count, 3]` before the camera (eighteen as published: nine of each shoulder).
 * @param poses borrowed; `[frameCount, 6]`, of which the translations are taken.
 * @returns `[frameCount, count, 2]` pixels, a new array.
 * @throws TypeError for other shapes; RangeError for points that are not in front of the camera.
 * @example
 * import { projectShoulders } from '@lipsync/portraits';
 * const poses = { data: Float32Array.of(0, 10, 0, 0, 0, 100), frameCount: 1 };
 * const camera = { focal: 1000, x: 256, y: 256 };
 * const points = projectShoulders([-20, 15, 100, 20, 15, 100], poses, { camera, reference: [0, 0, 100] });
 */
export function projectShoulders(
  shoulders: ArrayLike<number>,
  poses: FrameValues,
  options: ProjectShouldersOptions,
): Float32Array {
  const where = 'projectShoulders';
  const { camera, reference, share = 0.5 } = options;
  const count = shoulders?.length / 3;
  if (!(Number.isInteger(count) && count > 0))
    fail(TypeError, where, 'shoulders', 'three values a point', shoulders?.length);
  const size = frameSizeOf(where, poses);
  if (size !== 6) fail(TypeError, where, 'poses', `[${poses.frameCount}, 6]`, `[${poses.frameCount}, ${size}]`);
  const out = new Float32Array(poses.frameCount * count * 2);
  for (let frame = 0; frame < poses.frameCount; frame++) {
    const moved = [0, 1, 2].map((axis) => share * (poses.data[6 * frame + 3 + axis] - reference[axis]));
    for (let point = 0; point < count; point++) {
      const [x, y, z] = [0, 1, 2].map((axis) => shoulders[3 * point + axis] + moved[axis]);
      out.set(toImage(where, [x, y, z], camera), 2 * (frame * count + point));
    }
  }
  return out;
}
