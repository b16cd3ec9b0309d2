import { fail } from '@lipsync/contracts';

/**
 * The offset of the sound in words. Positive: the audio leads (is early); negative: it lags (is late).
 *
 * @param frames Offset in video frames, any finite number.
 * @param fps Frames per second, above 0. Default 25.
 * @returns `in sync`, `audio is 3 frames (120 ms) early` or `audio is 1 frame (40 ms) late`.
 * @throws RangeError for a number that is not finite and a rate that is not above 0.
 * @example
 * describeOffset(3); // 'audio is 3 frames (120 ms) early'
 */
export function describeOffset(frames: number, fps = 25): string {
  if (!Number.isFinite(frames)) fail(RangeError, 'describeOffset', 'frames', 'finite', frames);
  if (!(fps > 0 && Number.isFinite(fps))) fail(RangeError, 'describeOffset', 'fps', 'above 0', fps);
  if (frames === 0) return 'in sync';
  const size = Math.abs(frames);
  const milliseconds = Math.round((1000 * size) / fps);
  return `audio is ${size} ${size === 1 ? 'frame' : 'frames'} (${milliseconds} ms) ${frames > 0 ? 'early' : 'late'}`;
}
