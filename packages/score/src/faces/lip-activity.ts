import type { FaceTrack } from '@lipsync/contracts';

/** Frames around one, itself in the middle, over which lips move or do not: half a second of 25 a second. */
const AROUND = 13;
/** Standard deviation of the lips' opening over these frames, in shares of the mouth's width, from which they move. */
const MOVING = 0.02;
/** Fewer frames of speech say nothing. */
const FEWEST = 13;

/**
 * How much of the speech somebody's lips move through: of the frames with speech, the share in whose surrounding half
 * second the distance of the inner lips (points 62 and 66, in widths of the mouth) varies by more than 2 %.
 *
 * @param hasSpeech whether a frame of the video has speech; undefined where that is not known.
 * @returns 0..1; null with fewer than 13 frames of speech, and where there are no landmarks.
 */
export function lipActivity(
  { points, firstFrame, frameCount }: FaceTrack,
  hasSpeech: (frame: number) => boolean | undefined,
): number | null {
  const openings = Float64Array.from({ length: frameCount }, (_, i) => openingOf(points, 136 * i));
  if (openings.every(Number.isNaN)) return null;
  const movement = runningDeviation(openings, AROUND);
  let [speech, moving] = [0, 0];
  for (let i = 0; i < frameCount; i++) {
    if (!hasSpeech(firstFrame + i)) continue;
    speech++;
    if (movement[i] > MOVING) moving++;
  }
  return speech < FEWEST ? null : moving / speech;
}

/** Distance of the inner lips in widths of the mouth; NaN where all points are one, as where there are none. */
function openingOf(points: Float32Array, at: number): number {
  const distance = (a: number, b: number) =>
    Math.hypot(points[at + 2 * a] - points[at + 2 * b], points[at + 2 * a + 1] - points[at + 2 * b + 1]);
  return distance(62, 66) / distance(48, 54);
}

/** Standard deviation over `width` values around each one, fewer at the ends. */
function runningDeviation(values: Float64Array, width: number): Float64Array {
  const reach = width >> 1;
  return values.map((_, i) => {
    const around = values.subarray(Math.max(0, i - reach), i + reach + 1);
    const mean = around.reduce((sum, value) => sum + value, 0) / around.length;
    return Math.sqrt(around.reduce((sum, value) => sum + (value - mean) ** 2, 0) / around.length);
  });
}
