import type { MediaTrack, TrackChoice } from '@lipsync/contracts';
import { MediaError } from '@lipsync/contracts';

/** `0: aac, stereo; 1: ac3, 5.1(side), eng, default`. */
const listTracks = (tracks: readonly MediaTrack[]) =>
  tracks
    .map(({ track, description, problem }) => `${track}: ${description}${problem ? ` (${problem})` : ''}`)
    .join('; ');

/** The error where the track that was asked for is not in the file. */
export function noSuchTrack(
  where: string,
  name: string,
  { kind, tracks, wanted }: { kind: 'video' | 'audio'; tracks: MediaTrack[]; wanted: number },
): MediaError {
  const there = tracks.length === 0 ? `no ${kind} track` : listTracks(tracks);
  return new MediaError(`${where}: options.${kind}Track must be one of ${name} (${there}), got ${wanted}`, {
    fault: 'track',
    detail: `there is no ${kind} track ${wanted}; the file has ${there}`,
  });
}

/** A sentence about a choice. */
export function choiceNote({ kind, track, reason, tracks }: TrackChoice): string {
  return `${tracks.length} ${kind} tracks (${listTracks(tracks)}): track ${track} is read, because ${reason}`;
}
