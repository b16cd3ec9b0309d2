import { fail } from '../fail';

/**
 * Mel steps in the window of a network that sees `frames` frames, at 25 frames and 80 mel steps a second: `ceil(16 frames / 5)`.
 *
 * Source: LatentSync's rule, `ceil(frames / 5 * 16)`; 5 frames: 16, 10: 32, 15: 48, 16: 52, 25: 80.
 *
 * @throws RangeError if `frames` is not a whole number above 0.
 * @example
 * melSteps(10); // 32
 */
export function melSteps(frameCount: number): number {
  if (!(Number.isSafeInteger(frameCount) && frameCount > 0))
    fail(RangeError, 'melSteps', 'frames', 'a whole number above 0', frameCount);
  return Math.ceil((16 * frameCount) / 5);
}
