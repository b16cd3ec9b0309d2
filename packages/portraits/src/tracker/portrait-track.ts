import { FACE_POINTS } from '../edge-map/face-lines';
import { type Camera, type Matrix3, rotated, rotationMatrix } from '../post-processing/camera';
import { gaussianFilter } from '../post-processing/gaussian-filter';
import { headAngles } from './euler-angles';
import type { PersonFit } from './person-shape';
import { points73 } from './points-73';

/** A face in 3D through a video: what the networks of Live Speech Portraits learn from. */
export type PortraitTrack = {
  /** Index of the first frame in the video. */
  firstFrame: number;
  frameCount: number;
  /** `[frameCount, 73, 3]`: the face without its pose; about cm, x to the right in the image, y up, z to the viewer. */
  faces: Float32Array;
  /** `[frameCount, 6]`: rotations about x, y, z in degrees, 0 frontal; place before the camera, in units of the faces. */
  poses: Float32Array;
  /** `[73, 3]`: mean of the faces. */
  mean: Float32Array;
  /** `projectFaces(faces, poses, { camera })` gives the points that were tracked. */
  camera: Camera;
  /**
   * How well a face that does not move fits the tracked nose, eyes and brows: root mean square, as a share of the
   * distance between the outer corners of the eyes; of the generic face, and of the face bent to the person.
   */
  error: { generic: number; person: number };
};

/** Place of the head in each frame, before the camera. */
type Places = { data: Float32Array; frameCount: number };

/** Poses smoothed over time: rotations and places, each with one standard deviation in frames. */
export function smoothPoses(poses: Places, sigma: number): Float32Array {
  // angles next to ±180 degrees are kept from jumping
  const steady = poses.data.slice();
  for (let i = 6; i < steady.length; i++)
    if (i % 6 < 3) steady[i] -= 360 * Math.round((steady[i] - steady[i - 6]) / 360);
  return gaussianFilter({ data: steady, frameCount: poses.frameCount }, sigma);
}

/**
 * The faces without their poses. Each point keeps the depth that the person's mean face has there, and lies in the
 * direction in which the camera sees it, so that projecting it again gives the tracked point.
 *
 * @param seen place of a point of a frame before the camera, given its depth.
 */
export function liftFaces(
  fit: Pick<PersonFit, 'shape'>,
  poses: Places,
  seen: (frame: number, point: number, depth: number) => readonly [number, number, number],
): Float32Array {
  const { frameCount } = poses;
  const size = 3 * FACE_POINTS;
  const faces = new Float32Array(frameCount * size);
  for (let frame = 0; frame < frameCount; frame++) {
    const pose = poses.data.subarray(6 * frame, 6 * frame + 6);
    const r = headRotation(pose);
    const face = new Float64Array(3 * 68);
    for (let point = 0; point < 68; point++) {
      const [x, y, z] = fit.shape.subarray(3 * point, 3 * point + 3);
      const at = seen(frame, point, rotated(r, x, y, z)[2] + pose[5]);
      face.set(rotatedBack(r, at[0] - pose[3], at[1] - pose[4], at[2] - pose[5]), 3 * point);
    }
    faces.set(points73(face, 3), frame * size);
  }
  return faces;
}

/** Mean of the faces of several recordings. */
export function meanFace(clips: readonly Float32Array[]): Float32Array {
  const size = 3 * FACE_POINTS;
  const count = clips.reduce((sum, faces) => sum + faces.length / size, 0);
  const mean = new Float64Array(size);
  for (const faces of clips) for (let i = 0; i < faces.length; i++) mean[i % size] += faces[i] / count;
  return Float32Array.from(mean);
}

/** The rotation of a head with such a pose, before the camera. */
export function headRotation(pose: ArrayLike<number>): Matrix3 {
  return rotationMatrix([pose[0] + 180, pose[1], pose[2]]);
}

/** The pose of a head with such a rotation. */
export function poseOf(rotation: Matrix3, place: readonly [number, number, number]): number[] {
  return [...headAngles(rotation), ...place];
}

function rotatedBack(r: Matrix3, x: number, y: number, z: number): [number, number, number] {
  return [r[0] * x + r[3] * y + r[6] * z, r[1] * x + r[4] * y + r[7] * z, r[2] * x + r[5] * y + r[8] * z];
}
