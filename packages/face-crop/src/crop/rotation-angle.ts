import { assertLandmarks68, type Landmarks68 } from '@lipsync/contracts';
import { meanPoint } from './landmark-geometry';

/**
 * The rotation of a face, as the thesis measures it: the median of five angles.
 *
 * The five are those of the lines from L to R, 36 to 45, L to 30, 30 to R and 36 to 45 once more, where L is the mean
 * of points 22-26 and R of 17-21 (the brows, named the wrong way round in the source). For a face rotated by less than
 * about 45 degrees this is always the angle of the outer eye corners, 36 to 45. The thesis's own number is `-angle` in
 * degrees.
 *
 * @returns radians, positive: the face is rotated clockwise as seen in the image.
 * @throws TypeError if there are not 68 points; RangeError if one is not finite.
 * @example
 * import { rotationAngle, sampleSquare } from '@lipsync/face-crop';
 * const upright = sampleSquare(frame, { x, y, side, angle: rotationAngle(points) }, 128);
 */
export function rotationAngle(points: Landmarks68): number {
  assertLandmarks68('rotationAngle', points);
  const left = meanPoint(points, 22, 26);
  const right = meanPoint(points, 17, 21);
  const eyeA = meanPoint(points, 36, 36);
  const eyeB = meanPoint(points, 45, 45);
  const nose = meanPoint(points, 30, 30);
  const angle = ([x0, y0]: number[], [x1, y1]: number[]) => Math.atan2(y1 - y0, x1 - x0);
  const angles = [angle(left, right), angle(eyeA, eyeB), angle(left, nose), angle(nose, right), angle(eyeA, eyeB)];
  return angles.sort((a, b) => a - b)[2];
}
