import { fail } from '@lipsync/contracts';

/** How much a crop moves over a video. */
export type CropJitter = {
  /** Standard deviation of the side, pixels of the image; 0 for a stable crop. */
  side: number;
  /**
   * Root mean square of the centre's second difference from frame to frame, in sides: 0 for a crop that stands still or
   * moves evenly.
   */
  centre: number;
  /** The same of the angle, radians. */
  angle: number;
};

/**
 * The jitter of a track's crops: movement that a network sees though the face does not move.
 *
 * Source: ours.
 *
 * @param poses `[frames, 4]`: centre x, centre y, side, angle, as of `planCrops` and `trackPoses`.
 * @returns plain numbers; zeros for the differences of fewer than three frames.
 * @throws TypeError if `poses` is empty or not rows of four.
 * @example
 * import { cropJitter, planCrops } from '@lipsync/face-crop';
 * cropJitter(planCrops(track, recipe.crop).poses).side; // 0
 */
export function cropJitter(poses: Float32Array): CropJitter {
  const frameCount = poses.length / 4;
  if (!(Number.isInteger(frameCount) && frameCount > 0))
    fail(TypeError, 'cropJitter', 'poses', 'rows of 4 numbers, at least one', poses.length);
  const at = (frame: number, field: number) => poses[4 * frame + field];
  // Counted from the first side, so that equal sides deviate by exactly 0.
  const first = at(0, 2);
  let [sum, squares] = [0, 0];
  for (let frame = 0; frame < frameCount; frame++) {
    sum += at(frame, 2) - first;
    squares += (at(frame, 2) - first) ** 2;
  }
  const mean = first + sum / frameCount;
  const variance = Math.max(0, squares / frameCount - (sum / frameCount) ** 2);
  const seconds = Math.max(0, frameCount - 2);
  let [centre, angle] = [0, 0];
  for (let frame = 1; frame <= seconds; frame++) {
    const second = (field: number) => at(frame - 1, field) - 2 * at(frame, field) + at(frame + 1, field);
    centre += second(0) ** 2 + second(1) ** 2;
    angle += second(3) ** 2;
  }
  const root = (sum: number) => (seconds === 0 ? 0 : Math.sqrt(sum / seconds));
  return { side: Math.sqrt(variance), centre: mean > 0 ? root(centre) / mean : 0, angle: root(angle) };
}
