import type { FaceTrack } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { landmarkBox } from '@lipsync/face-crop';

/**
 * The face to dub: the one asked for, else the one with the most frames times its size.
 *
 * @throws RangeError where no track has the id; the message lists the tracks.
 */
export function chooseFace(tracks: readonly FaceTrack[], id: number | undefined): FaceTrack {
  if (id === undefined) return tracks.reduce((best, track) => (weightOf(track) > weightOf(best) ? track : best));
  const listed = tracks.map((track) => {
    return `${track.id} (frames ${track.firstFrame} to ${track.firstFrame + track.frameCount - 1})`;
  });
  return tracks.find((track) => track.id === id) ?? fail(RangeError, 'dubVideo', 'options.face', listed.join(', '), id);
}

/** Frames times the mean side of the box around the landmarks. */
function weightOf({ frameCount, points }: FaceTrack): number {
  let sum = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const { left, top, right, bottom } = landmarkBox(points.subarray(136 * frame, 136 * (frame + 1)));
    sum += Math.sqrt((right - left) * (bottom - top));
  }
  return sum;
}
