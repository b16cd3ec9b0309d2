import type { Matrix3 } from '../post-processing/camera';

const DEGREES = 180 / Math.PI;

/**
 * The angles of a head's rotation before the camera, as `projectFaces` takes them: `R = Rz · Ry · Rx(x + 180°)`.
 *
 * @returns degrees about x, y, z, each from −180 to 180, of y from −90 to 90; 0, 0, 0 is frontal.
 */
export function headAngles(r: Matrix3): [number, number, number] {
  const x = Math.atan2(r[7], r[8]) * DEGREES - 180;
  const y = Math.asin(Math.min(1, Math.max(-1, -r[6]))) * DEGREES;
  return [x < -180 ? x + 360 : x, y, Math.atan2(r[3], r[0]) * DEGREES];
}
