import type { FaceTrack } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/**
 * How far a mouth is open in each frame of a track: the distance of the inner lips (points 62 and 66) over that of the
 * outer eye corners.
 */
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
 * Reference frames of a face for a generator, spread over time and over mouth openings.
 *
 * The track is cut into `count` equal stretches. The i-th gives the frame whose mouth opening is nearest to the
 * quantile `(i + 0.5) / count` of all openings: of five, the first is nearly closed, the last wide open. A track of
 * fewer frames gives some twice.
 *
 * @returns `count` indices in the track, in rising order.
 * @throws RangeError if `count` is not a whole number above 0.
 * @example
 * import { spreadReferences } from '@lipsync/dub';
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

/**
 * The reference frames of a dub as indices in the track: those asked for, or spread ones.
 *
 * @throws RangeError for another count than the generator takes, or frames that do not show the face.
 */
export function referenceFrames(track: FaceTrack, count: number, wanted: readonly number[] | 'spread'): number[] {
  if (wanted === 'spread') return spreadReferences(track, count);
  const [where, name] = ['dubVideo', 'options.references'];
  if (wanted.length !== count)
    fail(RangeError, where, name, `${count} frames, as many as the generator takes`, wanted.length);
  const [first, last] = [track.firstFrame, track.firstFrame + track.frameCount - 1];
  const bad = wanted.find((frame) => !(Number.isInteger(frame) && frame >= first && frame <= last));
  if (bad !== undefined) fail(RangeError, where, name, `frames that show the face, ${first} to ${last}`, bad);
  return wanted.map((frame) => frame - first);
}
