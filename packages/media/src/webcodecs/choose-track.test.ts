import { expect, test } from 'vitest';
import { chooseTrack, type TrackFacts } from './choose-track';

const track = (description: string, marks: Partial<TrackFacts> = {}): TrackFacts => ({
  description,
  isDefault: false,
  isBeside: false,
  ...marks,
});
const request = { kind: 'audio', where: 'probe', name: 'a.mkv' } as const;

test('chooseTrack takes the only track without a word, and none where there is none', () => {
  expect(chooseTrack([track('aac')], request)).toEqual({ track: 0 });
  expect(chooseTrack([], request)).toEqual({});
});

test('chooseTrack prefers the default track and puts commentary last', () => {
  const reasonOf = (...tracks: TrackFacts[]) => {
    const { choice } = chooseTrack(tracks, request);
    return [choice?.track, choice?.reason];
  };
  expect(reasonOf(track('a'), track('b', { isDefault: true }))).toEqual([1, 'it is marked as default']);
  expect(reasonOf(track('a'), track('b'))).toEqual([0, 'it is the first']);
  const commentary = track('a', { isDefault: true, isBeside: true });
  expect(reasonOf(commentary, track('b'))).toEqual([1, 'the others are marked as commentary or description']);
});

test('chooseTrack takes the track that is asked for, and lists those that there are where it is not', () => {
  const tracks = [track('aac, stereo'), track('opus, mono')];
  expect(chooseTrack(tracks, { ...request, wanted: 1 }).choice?.reason).toBe('it was asked for');
  expect(() => chooseTrack(tracks, { ...request, wanted: 2 })).toThrow(
    'probe: options.audioTrack must be one of a.mkv (0: aac, stereo; 1: opus, mono), got 2',
  );
});
