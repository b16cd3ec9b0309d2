import type { MediaTrack, TrackChoice } from '@lipsync/contracts';
import { noSuchTrack } from '../check/track-list';

/** What is known of a track before anything is decoded. */
export type TrackFacts = {
  /** In words: codec, size or channels, language. */
  description: string;
  isDefault: boolean;
  /** Commentary, or a description of the picture. */
  isBeside: boolean;
};

/**
 * Which of several tracks is read: the one asked for, else the first that is marked as default, commentary and
 * descriptions last. As the reader of Node chooses, except that no track is tried: silent ones are not passed over.
 *
 * @returns its number, undefined where there is none; and, where there is a choice, why.
 * @throws MediaError where the track that was asked for is not there.
 */
export function chooseTrack(
  tracks: readonly TrackFacts[],
  { kind, wanted, where, name }: { kind: 'video' | 'audio'; wanted?: number; where: string; name: string },
): { track?: number; choice?: TrackChoice } {
  const listed: MediaTrack[] = tracks.map(({ description }, track) => ({ track, description }));
  if (wanted !== undefined && !tracks[wanted]) throw noSuchTrack(where, name, { kind, tracks: listed, wanted });
  const rank = ({ isBeside, isDefault }: TrackFacts) => 2 * Number(isBeside) + Number(!isDefault);
  const best = Math.min(...tracks.map(rank));
  const track = wanted ?? tracks.findIndex((one) => rank(one) === best);
  if (tracks.length < 2) return tracks.length === 0 ? {} : { track };
  const others = tracks.filter((_, other) => other !== track);
  const reason =
    wanted !== undefined
      ? 'it was asked for'
      : others.every((other) => other.isBeside)
        ? 'the others are marked as commentary or description'
        : tracks[track].isDefault && !others.every((other) => other.isDefault)
          ? 'it is marked as default'
          : 'it is the first';
  return { track, choice: { kind, track, reason, tracks: listed } };
}
