import { fail } from '../common/fail';

/**
 * Mel steps in a window of `frameCount` frames, at 25 frames and 80 mel steps per second: `ceil(16 frameCount / 5)`.
 *
 * Source: LatentSync, `ceil(frames / 5 * 16)`; 5 frames: 16, 10: 32, 15: 48, 16: 52, 25: 80.
 *
 * @throws RangeError if `frameCount` is not a whole number above 0.
 * @example
 * melSteps(10); // 32
 */
export function melSteps(frameCount: number): number {
  if (!(Number.isSafeInteger(frameCount) && frameCount > 0))
    fail(RangeError, 'melSteps', 'frameCount', 'a whole number above 0', frameCount);
  return Math.ceil((16 * frameCount) / 5);
}
