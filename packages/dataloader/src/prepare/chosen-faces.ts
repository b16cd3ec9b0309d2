import type { FaceTrack } from '@lipsync/contracts';
import { landmarkBox } from '@lipsync/face-crop';

type Span = { firstFrame: number; frameCount: number };

/** Whether two spans of frames share one. */
export function overlapping(a: Span, b: Span): boolean {
  return a.firstFrame < b.firstFrame + b.frameCount && b.firstFrame < a.firstFrame + a.frameCount;
}

/**
 * The tracks during which no larger face is seen, by the mean area of the box around the landmarks.
 *
 * @example
 * const speakers = largestFaces(video.tracks); // without the audience
 */
export function largestFaces(tracks: readonly FaceTrack[]): FaceTrack[] {
  const areas = tracks.map(meanArea);
  return tracks.filter((track, i) =>
    tracks.every((other, k) => other === track || !overlapping(other, track) || areas[k] <= areas[i]),
  );
}

function meanArea({ points, frameCount }: FaceTrack): number {
  let sum = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const { left, top, right, bottom } = landmarkBox(points.subarray(136 * frame, 136 * (frame + 1)));
    sum += (right - left) * (bottom - top);
  }
  return sum / frameCount;
}
