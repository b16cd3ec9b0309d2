import type { FaceTrack } from '@lipsync/contracts';

/** Whether two stretches of frames share one. */
export function overlapping(
  a: { firstFrame: number; count: number },
  b: { firstFrame: number; count: number },
): boolean {
  return a.firstFrame < b.firstFrame + b.count && b.firstFrame < a.firstFrame + a.count;
}

/**
 * The tracks that no larger face is seen beside: by the mean area of the box around the landmarks.
 *
 * @example
 * largestFaces(video.tracks); // without the audience
 */
export function largestFaces(tracks: readonly FaceTrack[]): FaceTrack[] {
  const areas = new Map(tracks.map((track) => [track, meanArea(track)]));
  const span = ({ firstFrame, frameCount }: FaceTrack) => ({ firstFrame, count: frameCount });
  return tracks.filter((track) =>
    tracks.every(
      (other) => other === track || !overlapping(span(other), span(track)) || areas.get(other)! <= areas.get(track)!,
    ),
  );
}

function meanArea({ points, frameCount }: FaceTrack): number {
  let sum = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let i = 136 * frame; i < 136 * (frame + 1); i += 2) {
      left = Math.min(left, points[i]);
      right = Math.max(right, points[i]);
      top = Math.min(top, points[i + 1]);
      bottom = Math.max(bottom, points[i + 1]);
    }
    sum += (right - left) * (bottom - top);
  }
  return sum / frameCount;
}
