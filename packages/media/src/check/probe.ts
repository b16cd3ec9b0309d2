import type { ChannelMix, MediaInfo } from '@lipsync/contracts';
import { MediaError } from '@lipsync/contracts';
import { ffmpegFault } from '../ffmpeg/ffmpeg-fault';
import type { FfmpegEnd } from '../ffmpeg/run-ffmpeg';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import type { InputFile } from '../read/input-file';
import { inputArguments } from '../read/input-file';
import type { ChannelLayout } from './channel-meter';
import { mixNote } from './channel-meter';
import { measureChannels } from './channel-mix';
import type { ChooseTracksRequest, WantedTracks } from './choose-tracks';
import { chooseTracks } from './choose-tracks';
import { clockJumps } from './clock-jumps';
import { storedTimes } from './stored-times';
import { choiceNote } from './track-list';
import type { StreamLine } from './tracks';
import { inputDump, inputStartSec, streamLines } from './tracks';

/** `MediaInfo`, the time that readers count from, and the streams that they read. */
export type Probe = {
  info: MediaInfo;
  /** Time of the first decoded frame, microseconds of the container's clock; without frames, of the first audio. */
  zeroMicroseconds: number;
  /** The same time on the audio's clock: ffmpeg moves the frames of some files, see `storedTimes`. */
  audioZeroMicroseconds: number;
  /**
   * Times of all frames in the order in which they are shown, microseconds from the first, where ffmpeg's are wrong.
   */
  frameTimes?: Float64Array;
  /** Values of `-map` for the first input. */
  maps: StreamMaps;
  /** Where the clock begins, of a file whose clock jumps: for `InputFile`. */
  clock: { startMicroseconds?: number };
  /** The channels of the audio. */
  layout: ChannelLayout;
  /** How they become one, once that has been asked for: see `channelMixOf`. */
  mixing?: Promise<ChannelMix | undefined>;
};

/** What `-map` takes: ffmpeg's numbers of the streams that are read. */
export type StreamMaps = { video: string; audio: string };

/** What ffmpeg takes where no stream is chosen: the first that is no cover image, and the first. */
export const FIRST_STREAMS: StreamMaps = { video: '0:V:0', audio: '0:a:0' };

/**
 * Parses what `ffmpeg -i` prints about a file, so that no ffprobe is needed. Tested with ffmpeg 4.1 and 5.1, which
 * differ in indent and stream ids only.
 *
 * @param numbers the video and the audio stream by ffmpeg's numbers, -1 for none. Default: the first of each that is
 *   not marked as a cover image.
 * @returns the file's streams; `startSec` is the container's start, `durationSec` NaN where the container does not say.
 */
export function parseFfmpegDump(
  path: string,
  text: string,
  numbers: { video?: number; audio?: number } = {},
): MediaInfo {
  const head = /^ {2}Duration: (?:N\/A|(\d+):(\d\d):(\d\d(?:\.\d+)?))/m.exec(inputDump(text));
  const durationSec = head?.[1] ? Number(head[1]) * 3600 + Number(head[2]) * 60 + Number(head[3]) : Number.NaN;
  const startSec = inputStartSec(text) ?? 0;
  const info: MediaInfo = { path, durationSec };
  const streams = streamLines(text);
  const find = (kind: StreamLine['kind']) =>
    streams.find(
      (stream) =>
        stream.kind === kind &&
        (numbers[kind] === undefined ? !stream.marks.includes('attached pic') : stream.number === numbers[kind]),
    );
  const [video, audio] = [find('video'), find('audio')];
  if (video) {
    const { codec, rest } = video;
    const size = /, (\d+)x(\d+)(?=[ ,[]|$)/.exec(rest);
    const rotation = rotationOf(video.text);
    const [width, height] = size ? [Number(size[1]), Number(size[2])] : [0, 0];
    const turned = rotation % 180 !== 0;
    const upright = { width: turned ? height : width, height: turned ? width : height };
    info.video = { codec, ...upright, fps: rateOf(rest), rotation, startSec };
  }
  if (audio) {
    const sampleRate = Number(/, (\d+) Hz/.exec(audio.rest)?.[1] ?? 0);
    info.audio = { codec: audio.codec, sampleRate, channels: channelsOf(audio.rest), startSec };
  }
  return info;
}

/**
 * Frames per second: the average where ffmpeg knows it, else its guess from the clock; 25 where that guess is a clock
 * rate (90k tbr).
 */
function rateOf(line: string): number {
  for (const unit of ['fps', 'tbr']) {
    const match = new RegExp(`, ([\\d.]+)(k?) ${unit}\\b`).exec(line);
    const rate = match ? Number(match[1]) * (match[2] ? 1000 : 1) : 0;
    if (rate > 0 && rate <= 1000) return rate;
  }
  return 25;
}

/** Clockwise quarter turns: ffmpeg's "rotation of -90.00 degrees" counts the other way. */
function rotationOf(part: string): number {
  const matrix = /displaymatrix: rotation of (-?[\d.]+|nan) degrees/.exec(part);
  const degrees = matrix ? -Number(matrix[1]) : 0;
  if (!Number.isFinite(degrees)) return 0;
  return (((Math.round(degrees / 90) * 90) % 360) + 360) % 360;
}

function channelsOf(line: string): number {
  const layout = / Hz, (?:(\d+) channels|(\d)\.(\d)|(mono)|(stereo|downmix)|(quad)|(hexagonal)|(octagonal))/.exec(line);
  if (!layout) return 1;
  if (layout[1]) return Number(layout[1]);
  if (layout[2]) return Number(layout[2]) + Number(layout[3]);
  return layout[4] ? 1 : layout[5] ? 2 : layout[6] ? 4 : layout[7] ? 6 : 8;
}

export type ProbeOptions = WantedTracks & {
  /** Names the caller's function in errors. */
  where: string;
  maxPixels: number;
  /**
   * Messages of a run over the first streams with `showinfo` and `ashowinfo` at their first frame and audio. Default:
   * of a new run.
   */
  messages?: string;
};

/**
 * Describes `file`, chooses its tracks, and finds, by decoding one frame and one piece of audio, when each really
 * starts.
 */
export async function probeFile(
  ffmpegPath: string,
  file: InputFile,
  { where, maxPixels, messages: given, ...wanted }: ProbeOptions,
): Promise<Probe> {
  // A video with audio is done in one run; where a stream lacks, ffmpeg describes the file and stops.
  const end: FfmpegEnd =
    given === undefined ? await decodeFirst(ffmpegPath, file, maxPixels, FIRST_STREAMS) : { messages: given };
  const text = end.messages.replaceAll(file.url, 'the file'); // a line break in the name would make lines of it
  const kind = refusedFormat(text);
  if (kind !== undefined) {
    const rule = 'a file that holds its streams itself (mp4, mkv, webm, avi, wav …)';
    throw new MediaError(`${where}: path must be ${rule}, got ${file.path} (${kind})`, {
      fault: 'file',
      detail: `it names other files (${kind})`,
    });
  }
  const { info, numbers, layout } = await describeTracks(text, { ffmpegPath, file, maxPixels, where, wanted });
  const { video, audio } = info;
  if (!video && !audio) {
    const reason = lastLine({ ...end, messages: text });
    const other = end.code === 0 ? undefined : ffmpegFault({ ...end, messages: text });
    if (other) throw new MediaError(`${where}: ${other.detail}, got ${file.path}: ${reason}`, other);
    throw new MediaError(`${where}: path must be a video or audio that ffmpeg can read, got ${file.path} (${reason})`, {
      fault: 'file',
      detail: `it is no video or audio: ${reason}`,
    });
  }
  if (video && video.width * video.height > maxPixels) {
    const rule = `a video of at most ${maxPixels} pixels a frame (option maxPixels)`;
    throw new RangeError(`${where}: path must be ${rule}, got ${file.path} (${video.width} x ${video.height})`);
  }
  const maps: StreamMaps = { video: `0:${numbers.video}`, audio: `0:${numbers.audio}` };
  const first = streamLines(text).find((stream) => stream.kind === 'audio')?.number;
  const firstWereTaken = video && audio && numbers.video === chosenVideo(text) && numbers.audio === first;
  const messages = firstWereTaken
    ? text
    : (
        await decodeFirst(ffmpegPath, file, maxPixels, {
          ...(video && { video: maps.video }),
          ...(audio && { audio: maps.audio }),
        })
      ).messages;
  const startSec = (video ?? audio)!.startSec;
  if (video) video.startSec = firstTime(messages, 'showinfo') ?? startSec;
  if (audio) audio.startSec = firstTime(messages, 'ashowinfo') ?? startSec;
  const clock = await clockOf(file, text);
  if (!Number.isFinite(info.durationSec) || clock.startMicroseconds !== undefined) {
    const last = await playedUntil(ffmpegPath, { ...file, ...clock }, { maxPixels, ...info, maps });
    info.durationSec = Math.max(0, last - startSec);
  }
  if (clock.startMicroseconds !== undefined) {
    info.notes = [
      ...(info.notes ?? []),
      'the clock of the file jumps, as where recordings were joined: its parts follow each other',
    ];
  }
  const zeroMicroseconds = Math.round((video ?? audio)!.startSec * 1e6);
  const stored = await storedTimes(ffmpegPath, file, { info, messages: text, stream: numbers.video, maxPixels });
  const { frameDelay, frameTimes } = stored;
  if (video) video.startSec += frameDelay / 1e6;
  const audioZeroMicroseconds = Math.round(zeroMicroseconds + frameDelay);
  return { info, zeroMicroseconds, audioZeroMicroseconds, frameTimes, maps, clock, layout };
}

/** Chooses the tracks of a file by what ffmpeg printed of it; `numbers` are ffmpeg's numbers of them, -1 for none. */
export async function describeTracks(
  messages: string,
  request: Omit<ChooseTracksRequest, 'streams' | 'anyVideo'>,
): Promise<{ info: MediaInfo; numbers: { video: number; audio: number }; layout: ChannelLayout }> {
  const streams = streamLines(messages);
  const chosen = await chooseTracks({ ...request, streams, anyVideo: chosenVideo(messages) !== -1 });
  const { choices } = chosen;
  const numbers = { video: chosen.video ?? -1, audio: chosen.audio ?? -1 };
  const info = parseFfmpegDump(request.file.path, messages, numbers);
  if (choices.length > 0) Object.assign(info, { choices, notes: choices.map(choiceNote) });
  if (info.video) Object.assign(info.video, refusedSize(messages));
  const layout = layoutOf(streams.find(({ number }) => number === numbers.audio)?.rest ?? '');
  return { info, numbers, layout };
}

/**
 * How the channels of the audio become one, undefined for the mean; the audio is decoded for it once, where it has
 * several. Adds the answer to `probe.info`.
 */
export function channelMixOf(
  ffmpegPath: string,
  file: InputFile,
  { probe, maxPixels }: { probe: Probe; maxPixels: number },
): Promise<ChannelMix | undefined> {
  const { info, layout, maps } = probe;
  if (!info.audio || layout.channels < 2) return Promise.resolve(undefined);
  probe.mixing ??= measureChannels(
    ffmpegPath,
    { ...file, ...probe.clock },
    { maxPixels, map: maps.audio, layout },
  ).then((mix) => {
    if (mix) addMix(info, mix, layout);
    return mix;
  });
  return probe.mixing;
}

/** Adds how the channels become one to a description. */
export function addMix(info: MediaInfo, mix: ChannelMix, layout: ChannelLayout): void {
  info.audio!.mix = mix;
  info.notes = [...(info.notes ?? []), mixNote(mix, layout)];
}

/** The channels of the stream that has this line. */
const layoutOf = (line: string): ChannelLayout => ({
  name: / Hz, ([^,]+)/.exec(line)?.[1].trim() ?? 'mono',
  channels: channelsOf(line),
});

/** The start of the file's clock, where that jumps as in joined recordings. */
export async function clockOf(file: InputFile, messages: string): Promise<Probe['clock']> {
  const startSec = inputStartSec(messages);
  if (startSec === undefined || !(await clockJumps(file.path))) return {};
  return { startMicroseconds: Math.round(startSec * 1e6) };
}

/**
 * Refuses a file whose clock jumps, where only its first part would be written.
 *
 * @param argument that named the file.
 */
export function assertOneClock(where: string, argument: string, { info, clock }: Probe): void {
  if (clock.startMicroseconds === undefined) return;
  const detail = 'its clock jumps, as where recordings were joined';
  throw new MediaError(`${where}: ${argument} must be one recording, got ${info.path}: ${detail}`, {
    fault: 'file',
    detail,
  });
}

/**
 * Output arguments that decode a stream for nothing: where a clock jumps, ffmpeg decides by the streams that it decodes
 * how far it moves the rest of the file, which must be the same for frames and audio.
 */
export function besideJumps({ info, maps, clock }: Probe, kind: 'video' | 'audio'): string[] {
  if (clock.startMicroseconds === undefined || !info[kind]) return [];
  // Times that do not overlap where the parts do: the muxer would complain.
  const filter = kind === 'video' ? ['-vf', 'setpts=N/25/TB'] : ['-af', 'asetpts=N/SR/TB'];
  return ['-map', maps[kind], ...filter, '-f', 'null', '-'];
}

/** The kind of file that ffmpeg did not open because of `inputArguments`. */
export function refusedFormat(messages: string): string | undefined {
  if (!/Format not on whitelist/.test(messages)) return undefined;
  return /\[([\w,]+) @ [^\]]*\] Format not on whitelist/.exec(messages)?.[1] ?? 'another format';
}

/** The size at which a decoder stopped because of `maxPixels`. */
function refusedSize(messages: string): { width: number; height: number } | undefined {
  const size = /Picture size (\d+)x(\d+) exceeds specified max pixel count/.exec(messages);
  return size ? { width: Number(size[1]), height: Number(size[2]) } : undefined;
}

/**
 * The number of the stream that `-map 0:V:0` as the first output took, -1 where there is none, undefined where ffmpeg
 * did not come to it. ffmpeg 4.1 does not print which stream is a cover image, but does not map it either.
 */
function chosenVideo(messages: string): number | undefined {
  if (/Stream map '0:V:0' matches no streams/.test(messages)) return -1;
  const mapped = /^ *Stream #0:(\d+) -> #0:0 /m.exec(messages)?.[1];
  return mapped === undefined ? undefined : Number(mapped);
}

/**
 * Decodes the first frame and the first piece of audio and lets filters print their times on the container's clock:
 * edit lists, encoder delay and dropped leading frames are behind us there.
 */
function decodeFirst(
  ffmpegPath: string,
  file: InputFile,
  maxPixels: number,
  { video, audio }: Partial<StreamMaps>,
): Promise<FfmpegEnd> {
  const args = ['-nostdin', '-nostats', ...inputArguments(file, maxPixels)];
  if (video) args.push('-map', video, '-vf', 'settb=AVTB,showinfo', '-frames:v', '1', '-f', 'null', '-');
  if (audio) args.push('-map', audio, '-af', 'asettb=AVTB,ashowinfo', '-frames:a', '1', '-f', 'null', '-');
  const run = runFfmpeg(ffmpegPath, args);
  run.stdout.resume();
  return run.ended;
}

/** Seconds on the container's clock of the first line that the filter printed. */
export function firstTime(messages: string, filter: 'showinfo' | 'ashowinfo'): number | undefined {
  const match = new RegExp(`Parsed_${filter}_\\d+ @[^\\]]*\\] n: *0 pts: *(-?\\d+)`).exec(messages);
  return match ? Number(match[1]) / 1e6 : undefined;
}

/** Last time of a file whose container does not say its length, on its clock, by decoding it once. */
async function playedUntil(
  ffmpegPath: string,
  file: InputFile,
  { maxPixels, maps, video, audio }: { maxPixels: number; maps: StreamMaps } & Pick<MediaInfo, 'video' | 'audio'>,
): Promise<number> {
  const output = [...(video ? ['-map', maps.video] : []), ...(audio ? ['-map', maps.audio] : []), '-f', 'null', '-'];
  const run = runFfmpeg(ffmpegPath, ['-nostdin', ...inputArguments(file, maxPixels), ...output]);
  run.stdout.resume();
  const { messages } = await run.ended;
  const times = [...messages.matchAll(/time=(\d+):(\d\d):(\d\d(?:\.\d+)?)/g)];
  const last = times.at(-1);
  return last ? Number(last[1]) * 3600 + Number(last[2]) * 60 + Number(last[3]) : 0;
}
