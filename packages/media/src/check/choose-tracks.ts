import type { MediaTrack, TrackChoice } from '@lipsync/contracts';
import type { InputFile } from '../read/input-file';
import { noSuchTrack } from './track-list';
import type { StreamLine } from './tracks';
import { mediaTrack } from './tracks';
import { audioProblem, videoProblem } from './try-track';

/** Which tracks are wanted: numbers among the file's tracks of the kind, from 0. Default: see `chooseTracks`. */
export type WantedTracks = { videoTrack?: number; audioTrack?: number };

/** The streams to read, by ffmpeg's numbers, and why those. */
export type ChosenTracks = { video?: number; audio?: number; choices: TrackChoice[] };

export type ChooseTracksRequest = {
  ffmpegPath: string;
  file: InputFile;
  maxPixels: number;
  /** For messages. */
  where: string;
  wanted: WantedTracks;
  streams: readonly StreamLine[];
  /** Whether ffmpeg takes any of the video streams for more than a cover image. */
  anyVideo: boolean;
};

/** Marks of tracks that accompany the main one. `hearing impaired` is the main one with clearer speech. */
const BESIDE = ['comment', 'visual impaired', 'descriptions', 'lyrics', 'karaoke', 'clean effects', 'non-diegetic'];

/** Marks of video tracks that are images. */
const IMAGES = ['attached pic', 'timed thumbnails', 'still image'];

/**
 * Chooses the video and the audio track of a file: the one asked for, else the first that can be used, those marked as
 * default first and those marked as commentary or description last. A track can be used where it decodes, shows more
 * than one still picture, and is not silent. Where there is one track of a kind nothing is tried.
 *
 * @throws MediaError where the file lacks the track that is asked for; it lists those that there are.
 */
export async function chooseTracks(request: ChooseTracksRequest): Promise<ChosenTracks> {
  const { streams, wanted } = request;
  const choices: TrackChoice[] = [];
  const isImage = (stream: StreamLine) => !request.anyVideo || stream.marks.some((mark) => IMAGES.includes(mark));
  const video = await choose(request, choices, { kind: 'video', wanted: wanted.videoTrack, isImage });
  // A transport stream may hold several programs: frames and audio of one belong together.
  const programs = streams.find(({ number }) => number === video)?.programs ?? [];
  const isForeign = (stream: StreamLine) =>
    stream.programs.length > 0 && programs.length > 0 && !stream.programs.some((one) => programs.includes(one));
  const audio = await choose(request, choices, { kind: 'audio', wanted: wanted.audioTrack, isForeign });
  return { video, audio, choices };
}

type Candidates = {
  kind: 'video' | 'audio';
  wanted?: number;
  /** Streams that are not tried. */
  isImage?: (stream: StreamLine) => boolean;
  /** Streams of another program. */
  isForeign?: (stream: StreamLine) => boolean;
};

/** The number of the stream to read; notes in `choices` why, where there are several. */
async function choose(
  request: ChooseTracksRequest,
  choices: TrackChoice[],
  { kind, wanted, isImage = () => false, isForeign = () => false }: Candidates,
): Promise<number | undefined> {
  const streams = request.streams.filter((stream) => stream.kind === kind);
  const tracks = streams.map((stream) => mediaTrack(stream, isImage(stream) ? 'cover image' : undefined));
  if (wanted !== undefined) {
    const stream = streams.find(({ track }) => track === wanted);
    if (!stream) throw noSuchTrack(request.where, request.file.path, { kind, tracks, wanted });
    if (streams.length > 1) choices.push({ kind, track: wanted, reason: 'it was asked for', tracks });
    return stream.number;
  }
  const candidates = streams.filter((stream) => !isImage(stream));
  if (candidates.length <= 1) return candidates[0]?.number;
  const rank = (stream: StreamLine) =>
    4 * Number(isBeside(stream)) + 2 * Number(isForeign(stream)) + Number(!stream.marks.includes('default'));
  const ranked = [...candidates].sort((a, b) => rank(a) - rank(b));
  const rejected: MediaTrack[] = [];
  let chosen: StreamLine | undefined;
  for (const stream of ranked) {
    const problem = await (stream.kind === 'video' ? videoProblem : audioProblem)(request, stream);
    if (problem === undefined) {
      chosen = stream;
      break;
    }
    tracks[stream.track].problem = problem;
    rejected.push(tracks[stream.track]);
  }
  // Where none can be used, one that decodes at all.
  chosen ??= ranked.find((stream) => tracks[stream.track].problem !== 'nothing decodes') ?? ranked[0];
  const reason = reasonFor(chosen, { ranked, rejected, isForeign });
  choices.push({ kind, track: chosen.track, reason, tracks });
  return chosen.number;
}

const isBeside = ({ marks }: StreamLine) => marks.some((mark) => BESIDE.includes(mark));

function reasonFor(
  chosen: StreamLine,
  {
    ranked,
    rejected,
    isForeign,
  }: { ranked: StreamLine[]; rejected: MediaTrack[] } & Required<Pick<Candidates, 'isForeign'>>,
): string {
  if (rejected.length === ranked.length) return 'none of them can be used';
  if (rejected.length > 0) return rejected.map(({ track, problem }) => `track ${track}: ${problem}`).join(', ');
  const others = ranked.filter((stream) => stream !== chosen);
  if (others.every(isBeside)) return 'the others are marked as commentary or description';
  if (others.every((stream) => isBeside(stream) || isForeign(stream))) return 'it belongs to the program of the frames';
  const isDefault = ({ marks }: StreamLine) => marks.includes('default');
  return isDefault(chosen) && !others.every(isDefault) ? 'it is marked as default' : 'it is the first';
}
