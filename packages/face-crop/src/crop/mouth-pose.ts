import { assertLandmarks68, type FaceTrack, type Landmarks68, type SimilarityCrop } from '@lipsync/contracts';
import { median } from '@lipsync/nn/arrays';
import { assertFaceTrack } from '../track/face-track';
import { meanPoint } from './landmark-geometry';

/** Position of a mouth, size and rotation of its face. */
export type MouthPose = {
  /** Mean of points 48-67, pixels. */
  x: number;
  y: number;
  /** `s = max(eye distance, 0.95 · eye-to-mouth)`, pixels. */
  measure: number;
  /** Of the line from the mean of points 36-41 to that of 42-47, radians, positive clockwise in the image. */
  angle: number;
};

/**
 * The mouth's pose for a similarity crop.
 *
 * `s = max(|right - left|, 0.95 · |mouth - (left + right) / 2|)`, with the eye centres `left` (mean of points 36-41)
 * and `right` (42-47) and the mouth centre (mean of 48-67).
 *
 * Source: our crop, see `SimilarityCrop`; reference numbers from numpy.
 *
 * @throws TypeError if there are not 68 points; RangeError if one is not finite.
 * @example
 * const { x, y, measure, angle } = mouthPose(face.points);
 * const crop = sampleSquare(frame, { x, y, side: 1.18 * measure, angle }, 48);
 */
export function mouthPose(points: Landmarks68): MouthPose {
  assertLandmarks68('mouthPose', points);
  return poseAt(points, 0);
}

function poseAt(points: Float32Array, at: number): MouthPose {
  const [leftX, leftY] = meanPoint(points, 36, 41, at);
  const [rightX, rightY] = meanPoint(points, 42, 47, at);
  const [x, y] = meanPoint(points, 48, 67, at);
  const eyes = Math.hypot(rightX - leftX, rightY - leftY);
  const eyesToMouth = Math.hypot(x - (leftX + rightX) / 2, y - (leftY + rightY) / 2);
  return { x, y, measure: Math.max(eyes, 0.95 * eyesToMouth), angle: Math.atan2(rightY - leftY, rightX - leftX) };
}

/** Longest track that has one centre and angle for all its frames. */
const ONE_POSE_FRAMES = 40;

/**
 * The mouth's pose in every frame of a track, smoothed as the crop's `window` says.
 *
 * `frame`: each frame's own. `clip median`: one measure, the track's median, so that the crop keeps its size; x, y and
 * angle are the track's medians up to 40 frames, in longer tracks a moving median over 25 frames followed by a moving
 * mean over 9. Windows end where the track ends. Angles are unwrapped first.
 *
 * @returns `[frames, 4]`, float32: x, y, measure, angle; the caller's.
 * @example
 * const poses = trackPoses(track, 'clip median');
 */
export function trackPoses(track: FaceTrack, window: SimilarityCrop['window']): Float32Array {
  assertFaceTrack('trackPoses', track);
  const { frameCount, points } = track;
  const columns = [0, 1, 2, 3].map(() => new Float64Array(frameCount));
  for (let i = 0; i < frameCount; i++) {
    const { x, y, measure, angle } = poseAt(points, i * 136);
    [x, y, measure, angle].forEach((value, k) => (columns[k][i] = value));
  }
  unwrap(columns[3]);
  const [x, y, measure, angle] = columns;
  const smooth =
    window === 'frame' ? columns : [smoothed(x), smoothed(y), measure.fill(median(measure)), smoothed(angle)];
  return Float32Array.from({ length: frameCount * 4 }, (_, i) => smooth[i % 4][i >> 2]);
}

function smoothed(values: Float64Array): Float64Array {
  if (values.length <= ONE_POSE_FRAMES) return values.map(() => median(values));
  return moving(moving(values, 12, median), 4, (part) => part.reduce((sum, value) => sum + value, 0) / part.length);
}

function moving(values: Float64Array, reach: number, summary: (part: Float64Array) => number): Float64Array {
  return values.map((_, i) => summary(values.subarray(Math.max(0, i - reach), i + reach + 1)));
}

/** Removes jumps of whole turns, in place. */
function unwrap(angles: Float64Array): void {
  for (let i = 1; i < angles.length; i++) {
    angles[i] -= 2 * Math.PI * Math.round((angles[i] - angles[i - 1]) / (2 * Math.PI));
  }
}
