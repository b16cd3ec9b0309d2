import { fail } from '@lipsync/contracts';

/**
 * The offset of the audio in words. Positive: the audio leads (is early); negative: it lags (is late).
 *
 * @param frameCount Offset in video frames, any finite number.
 * @param fps Frames per second, above 0. Default 25.
 * @returns `in sync`, `audio is 3 frames (120 ms) early` or `audio is 1 frame (40 ms) late`.
 * @throws RangeError for a number that is not finite and a rate that is not above 0.
 * @example
 * describeOffset(3); // 'audio is 3 frames (120 ms) early'
 */
export function describeOffset(frameCount: number, fps = 25): string {
  if (!Number.isFinite(frameCount)) fail(RangeError, 'describeOffset', 'frameCount', 'finite', frameCount);
  if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, 'describeOffset', 'fps', 'above 0', fps);
  if (frameCount === 0) return 'in sync';
  const size = Math.abs(frameCount);
  const milliseconds = Math.round((1000 * size) / fps);
  return `audio is ${size} ${size === 1 ? 'frame' : 'frames'} (${milliseconds} ms) ${frameCount > 0 ? 'early' : 'late'}`;
}
