import type { FaceTrack } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/** How far a mouth is open in each frame of a track: the distance of the inner lips (points 62 and 66) over that of the outer eye corners. */
export function mouthOpenings({ frameCount, points }: FaceTrack): Float32Array {
  const distance = (frame: number, a: number, b: number) => {
    const at = 136 * frame;
    return Math.hypot(points[at + 2 * a] - points[at + 2 * b], points[at + 2 * a + 1] - points[at + 2 * b + 1]);
  };
  return Float32Array.from(
    { length: frameCount },
    (_, frame) => distance(frame, 62, 66) / Math.max(1e-6, distance(frame, 36, 45)),
  );
}

/**
 * The frames that show a generator what a face looks like, spread over time and over how far its mouth is open.
 *
 * The track is cut into `count` equal stretches. The i-th gives the frame whose mouth opening is nearest to the quantile `(i + 0.5) / count` of all
 * openings: of five the first is nearly closed, the last wide open. A track of fewer frames gives some twice.
 *
 * @returns `count` indices in the track, rising.
 * @example
 * spreadReferences(track, 5); // [12, 31, 66, 80, 103]
 */
export function spreadReferences(track: FaceTrack, count: number): number[] {
  if (!(Number.isInteger(count) && count > 0))
    fail(RangeError, 'spreadReferences', 'count', 'a whole number above 0', count);
  const openings = mouthOpenings(track);
  const sorted = Float32Array.from(openings).sort();
  return Array.from({ length: count }, (_, i) => {
    const wanted = sorted[Math.floor(((i + 0.5) / count) * sorted.length)];
    const from = Math.min(track.frameCount - 1, Math.floor((i * track.frameCount) / count));
    const to = Math.max(from + 1, Math.floor(((i + 1) * track.frameCount) / count));
    let best = from;
    for (let frame = from; frame < to; frame++) {
      if (Math.abs(openings[frame] - wanted) < Math.abs(openings[best] - wanted)) best = frame;
    }
    return best;
  });
}
