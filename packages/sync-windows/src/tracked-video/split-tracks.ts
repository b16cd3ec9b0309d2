import type { FaceTrack } from '@lipsync/contracts';

/**
 * Splits face tracks at cuts: each becomes one for every shot that shows it.
 *
 * @param cuts first frames of shots, rising.
 * @param margin frames that are left out before and after each cut, where landmarks may belong to neither side. Default
 * 0.
 * @returns tracks in the order of their first frame, ids from 0; a track without a cut inside keeps all but its id.
 * @example
 * const [before, after] = splitTracks([trackOf50Frames], [30]); // frames 0..29 and 30..49
 */
export function splitTracks(tracks: readonly FaceTrack[], cuts: readonly number[], margin = 0): FaceTrack[] {
  const pieces = tracks.flatMap((track) => {
    const end = track.firstFrame + track.frameCount;
    const inside = cuts.filter((cut) => cut > track.firstFrame && cut < end);
    if (inside.length === 0) return [track];
    const edges = [track.firstFrame - margin, ...inside, end + margin];
    return edges.slice(1).flatMap((edge, i) => {
      const [from, to] = [edges[i] + margin, edge - margin];
      return to > from ? [pieceOf(track, from, to)] : [];
    });
  });
  return pieces.sort((a, b) => a.firstFrame - b.firstFrame).map((piece, id) => ({ ...piece, id }));
}

function pieceOf(track: FaceTrack, from: number, to: number): FaceTrack {
  const [first, last] = [from - track.firstFrame, to - track.firstFrame];
  // Which frames were interpolated is not known: their share is taken to be the same everywhere.
  const shareOf = (count: number) => Math.round((count * (to - from)) / track.frameCount);
  return {
    ...track,
    firstFrame: from,
    frameCount: to - from,
    points: track.points.slice(first * 136, last * 136),
    interpolated: shareOf(track.interpolated),
    ...(track.notFound === undefined ? {} : { notFound: shareOf(track.notFound) }),
    ...(track.boxes ? { boxes: track.boxes.slice(first * 4, last * 4) } : {}),
  };
}
