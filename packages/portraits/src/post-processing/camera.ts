import { fail } from '@lipsync/contracts';
import { FACE_POINTS } from '../edge-map/face-lines';
import { assertFaces } from './close-lips';
import { type FrameValues, frameSizeOf } from './gaussian-filter';

/** A pinhole camera that looks along z, with y downwards. */
export type Camera = {
  /** Focal length in pixels. */
  focal: number;
  /** Principal point, pixels, pixel centres at +0.5. */
  x: number;
  y: number;
};

/** A rotation: three rows of three. */
export type Matrix3 = readonly [number, number, number, number, number, number, number, number, number];

/**
 * A rotation matrix from angles: `R = Rz · Ry · Rx`.
 *
 * Source: the published code; equal to SciPy's `Rotation.from_euler('xyz')` to 1e-12, see the test.
 *
 * @param degrees about x, y and z, right-handed.
 * @returns nine numbers, row by row.
 * @example
 * import { rotationMatrix } from '@lipsync/portraits';
 * console.log(rotationMatrix([180, 0, 0])[4]); // -1
 */
export function rotationMatrix(degrees: ArrayLike<number>): Matrix3 {
  const [sx, sy, sz] = [0, 1, 2].map((axis) => Math.sin((degrees[axis] * Math.PI) / 180));
  const [cx, cy, cz] = [0, 1, 2].map((axis) => Math.cos((degrees[axis] * Math.PI) / 180));
  return [
    ...[cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
    ...[sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
    ...[-sy, cy * sx, cy * cx],
  ] as unknown as Matrix3;
}

/** A rotation times a point of three coordinates. */
export function rotated(r: Matrix3, x: number, y: number, z: number): [number, number, number] {
  return [r[0] * x + r[1] * y + r[2] * z, r[3] * x + r[4] * y + r[5] * z, r[6] * x + r[7] * y + r[8] * z];
}

/** Options of `projectFaces`. */
export type ProjectFacesOptions = {
  camera: Camera;
  /** Scale of the faces. Default 1. */
  scale?: number;
};

/**
 * The 73 points of each frame in the image: `x = K · (scale · R · X + t)`, divided by z.
 *
 * Faces have y upwards and look along z; `R` is the pose's rotation after half a turn about x, which faces the camera:
 * `Rz(c) · Ry(b) · Rx(a + 180°)`.
 *
 * Source: the published code; equal to NumPy to 1e-6 of the largest value, see the test.
 *
 * @param faces borrowed; `[frameCount, 73, 3]`.
 * @param poses borrowed; `[frameCount, 6]`: rotations in degrees, 0 frontal, and translations of the head.
 * @returns `[frameCount, 73, 2]` pixels, a new array.
 * @throws TypeError for other shapes; RangeError for a face that is not in front of the camera.
 * @example
 * import { projectFaces } from '@lipsync/portraits';
 * const faces = { data: new Float32Array(219), frameCount: 1 };
 * const poses = { data: Float32Array.of(0, 10, 0, 0, 0, 100), frameCount: 1 };
 * const points = projectFaces(faces, poses, { camera: { focal: 1000, x: 256, y: 256 } });
 */
export function projectFaces(faces: FrameValues, poses: FrameValues, options: ProjectFacesOptions): Float32Array {
  const where = 'projectFaces';
  const { camera, scale = 1 } = options;
  assertFaces(where, faces);
  const { frameCount } = faces;
  const size = frameSizeOf(where, poses);
  if (size !== 6 || poses.frameCount !== frameCount)
    fail(TypeError, where, 'poses', `[${frameCount}, 6]`, `[${poses.frameCount}, ${size}]`);
  const out = new Float32Array(frameCount * FACE_POINTS * 2);
  for (let frame = 0; frame < frameCount; frame++) {
    const pose = poses.data.subarray(6 * frame, 6 * frame + 6);
    const r = rotationMatrix([pose[0] + 180, pose[1], pose[2]]);
    for (let point = frame * FACE_POINTS; point < (frame + 1) * FACE_POINTS; point++) {
      const [px, py, pz] = faces.data.subarray(3 * point, 3 * point + 3);
      const [x, y, z] = rotated(r, scale * px, scale * py, scale * pz);
      out.set(toImage(where, [x + pose[3], y + pose[4], z + pose[5]], camera), 2 * point);
    }
  }
  return out;
}

/** Where the camera sees a point. */
export function toImage(where: string, [x, y, z]: readonly [number, number, number], camera: Camera): [number, number] {
  if (!(z > 0)) fail(RangeError, where, 'poses', 'in front of the camera, z above 0', z);
  return [(camera.focal * x) / z + camera.x, (camera.focal * y) / z + camera.y];
}
