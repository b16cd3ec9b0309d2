import type { FrameRegion, FrameSequence, MediaInfo, MediaReader, VideoFrame, Waveform } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail, MediaError } from '@lipsync/contracts';
import { mixFilters } from '../check/channel-mix';
import type { WantedTracks } from '../check/choose-tracks';
import type { Probe } from '../check/probe';
import { besideJumps, channelMixOf, probeFile } from '../check/probe';
import type { DamageSurvey } from '../check/survey-damage';
import { surveyDamage } from '../check/survey-damage';
import {
  audioFilter,
  cropFilter,
  fittedSize,
  frameFilter,
  passFrames,
  printFrames,
  printPieces,
  regionFilter,
  scaleFilter,
  timedAudio,
  timedFrames,
} from '../ffmpeg/filters';
import type { Ffmpeg, FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { fromPcm16, NATIVE_PCM16 } from '../ffmpeg/pcm16';
import type { BothStreams } from './both-streams';
import { openBoth, separately } from './both-streams';
import type { Damage } from './decode-bytes';
import { decodeBytes } from './decode-bytes';
import type { InputFile } from './input-file';
import { inputArguments, inputFile } from './input-file';
import type { TimedFrame } from './nearest-frames';
import { nearestFrames } from './nearest-frames';
import { OutputLog } from './output-log';
import type { PlacedSamples } from './placed-audio';
import { placedAudio } from './placed-audio';
import { publishedStreams } from './published-streams';

export type OpenMediaOptions = FindFfmpegOptions & {
  /** Largest frame that is decoded, width times height; larger ones are refused. Default 7680 * 4320 (8K). */
  maxPixels?: number;
  /**
   * What happens where a file is damaged or cut short. `refuse`: decoding stops there with an error, unless no more is
   * lost than single frames that no other refers to, as where recordings were joined or cut off. `conceal`: ffmpeg
   * conceals what it can, the rest is missing, and a warning is logged. `concealed` says how much. Default `refuse`.
   */
  damage?: Damage;
  /**
   * Which video track is read, by its number among the file's video tracks, from 0. Default: the first that shows more
   * than one still picture, tracks that are marked as default before others.
   */
  videoTrack?: number;
  /**
   * Which audio track is read, by its number among the file's audio tracks, from 0. Default: the first that decodes and
   * is not silent, tracks that are marked as default before others, and commentary or descriptions last.
   */
  audioTrack?: number;
};

export type FrameOptions = {
  /** Frames per second. Default 25. */
  fps?: number;
  /** Scales frames down so that neither side is above this many pixels, aspect kept. Default: as they are. */
  maxSide?: number;
};

export type FramesOptions = FrameOptions & {
  /** Index of the first frame that is wanted. Default 0. */
  first?: number;
};

export type BothOptions = FrameOptions & {
  /** Samples per second. Default 16000. */
  sampleRate?: number;
  /** Bytes of decoded frames, and of audio, that may wait while the other is read. Default 128 MiB. */
  keepBytes?: number;
};

/** A `MediaReader` that decodes with ffmpeg. */
export interface FfmpegReader extends MediaReader {
  /** The ffmpeg in use. */
  readonly ffmpeg: Ffmpeg;
  /**
   * With `first`, decoding begins at a key frame before that frame: frames and indices are those of the whole video
   * from `first` on, bit for bit, in mp4, mov and mkv. In other containers, whose seeks are approximate, they may be
   * off or missing.
   */
  frames(path: string, options?: FramesOptions): FrameSequence;
  /**
   * Smaller frames, or a region of each. `maxSide` averages pixels (faster and less sharp than the scaling of
   * `frames`). A `region` is cut out before colour conversion: with four even numbers the pixels equal those of the
   * whole frame bit for bit, in videos of more than 8 bits except within 8 pixels of its edges, as their colours are
   * interpolated.
   */
  view(path: string, options: { fps?: number } & ({ maxSide: number } | { region: FrameRegion })): FrameSequence;
  /**
   * The description, the frames and the audio of a video from one run of ffmpeg, bit for bit those of `probe`, `frames`
   * and `audio`, which take three: for short clips most of the time goes into starting processes. One run where the
   * video's first frame is at 0 or the video has been probed; otherwise two.
   *
   * Read the streams at the same time or one after the other. The stream that is not read is queued in memory up to
   * `keepBytes`, so read audio before frames only for videos whose frames fit; for longer ones the run is given up and
   * each stream continues in a run of its own.
   *
   * A child process is held until both streams have been read to their ends, or `release` is called.
   */
  both(path: string, options?: BothOptions): Promise<BothStreams>;
}

/** How far before the first wanted frame a seek goes: which frame is nearest in time depends on the one before it. */
const SEEK_MARGIN_SEC = 1;

/** Width times height of 8K video. */
export const MAX_PIXELS = 7680 * 4320;

/**
 * Opens video and audio files with ffmpeg, as streams in constant memory.
 *
 * Frame k of `frames` is the one nearest to `k / fps` seconds after the first frame; sample n of `audio` plays at
 * `n / sampleRate` seconds after the first frame (after the first audio where there is no frame). Audio that begins
 * later is preceded by silence, audio from before the first frame is dropped. Frames are RGB, upright (the container's
 * rotation is done), of stored, not display aspect. Audio of several channels becomes their mean as ffmpeg weighs them,
 * full scale kept, in steps of 1 / 32768: 16-bit audio is what all reference pipelines compute their features on, and
 * quiet mel bins show the difference.
 *
 * Frames and pieces of audio are new arrays that belong to the consumer. The child process waits while the consumer
 * works and is killed when an iteration ends early.
 *
 * @throws Error where there is no ffmpeg; the reader's methods throw where a file is missing, is no self-contained
 * video or audio, lacks the stream, is damaged, or is larger than `maxPixels`.
 * @example
 * import { openMedia } from '@lipsync/media';
 * const media = await openMedia();
 * for await (const frame of media.frames('talk.mp4')) console.log(frame.index, frame.width, frame.height);
 */
export async function openMedia(options: OpenMediaOptions = {}): Promise<FfmpegReader> {
  const { log = (line: string) => console.warn(line), maxPixels = MAX_PIXELS, damage = 'refuse' } = options;
  checkOptions({ ...options, maxPixels, damage });
  const ffmpeg = await ffmpegFor(options);
  const { videoTrack, audioTrack } = options;
  const wanted = { videoTrack, audioTrack };
  const source: Source = {
    ffmpegPath: ffmpeg.path,
    version: ffmpeg.version,
    maxPixels,
    damage,
    log,
    wanted,
    probes: new Map(),
    surveys: new Map(),
    damaged: new Set(),
  };
  const readFrames = (where: string, path: string, view: View) =>
    pastDamage(source, { where, path }, (from) => decodeFrames(from, path, view));
  const readAudio = (path: string, sampleRate: number) =>
    pastDamage(source, { where: 'audio', path }, (from) => decodeAudio(from, path, sampleRate));
  const reader: FfmpegReader = {
    ffmpeg,
    async probe(path, { channels = false } = {}) {
      const file = await inputFile('probe', path);
      const probe = await probeOnce(source, 'probe', file);
      if (channels) await channelMixOf(source.ffmpegPath, file, { probe, maxPixels });
      return copyInfo(probe.info, path);
    },
    frames(path, { fps = 25, maxSide, first = 0 } = {}) {
      assertFrameOptions('frames', fps, maxSide);
      if (!(Number.isSafeInteger(first) && first >= 0))
        fail(RangeError, 'frames', 'options.first', 'a whole number, 0 or more', first);
      return { fps, [Symbol.asyncIterator]: () => readFrames('frames', path, { fps, maxSide, first }) };
    },
    view(path, options) {
      const { fps = 25 } = options;
      const view: View =
        'region' in options ? { fps, region: { ...options.region } } : { fps, maxSide: options.maxSide, flags: 'area' };
      assertFrameOptions('view', fps, view.maxSide);
      return { fps, [Symbol.asyncIterator]: () => readFrames('view', path, view) };
    },
    audio(path, { sampleRate = AUDIO_SAMPLE_RATE } = {}) {
      assertSampleRate('audio', sampleRate);
      return { [Symbol.asyncIterator]: () => readAudio(path, sampleRate) };
    },
    published: (path) => publishedStreams(source, path),
    async both(path, { fps = 25, maxSide, sampleRate = AUDIO_SAMPLE_RATE, keepBytes = 128 * 2 ** 20 } = {}) {
      assertFrameOptions('both', fps, maxSide);
      assertSampleRate('both', sampleRate);
      if (!(keepBytes >= 0)) fail(RangeError, 'both', 'options.keepBytes', 'at least 0', keepBytes);
      const file = await inputFile('both', path);
      const separate = {
        frames: () => reader.frames(path, { fps, maxSide }),
        audio: () => reader.audio(path, { sampleRate }),
      };
      const describe = async (messages?: string) => {
        const probe = await probeOnce(source, 'both', file, messages);
        await channelMixOf(source.ffmpegPath, file, { probe, maxPixels });
        return { ...probe, info: copyInfo(probe.info, path) };
      };
      // A third pipe has not been tried on Windows.
      if (process.platform === 'win32') return separately((await describe()).info, separate);
      const known = source.probes.has(file.version) ? await describe() : undefined;
      const onDamage = () => void source.damaged.add(file.version);
      return openBoth({ ...source, file, fps, maxSide, sampleRate, keepBytes, known, describe, separate, onDamage });
    },
    async concealed(path) {
      const file = await inputFile('concealed', path);
      if (!source.damaged.has(file.version)) return undefined;
      const { minor: _, ...damage } = await surveyOnce(source, 'concealed', file);
      return damage;
    },
  };
  return reader;
}

function checkOptions({ maxPixels, damage, ...options }: OpenMediaOptions & { maxPixels: number }): void {
  if (!(Number.isInteger(maxPixels) && maxPixels > 0 && maxPixels < 2 ** 31)) {
    fail(RangeError, 'openMedia', 'options.maxPixels', 'a whole number above 0 and below 2^31', maxPixels);
  }
  if (damage !== 'refuse' && damage !== 'conceal') {
    fail(TypeError, 'openMedia', 'options.damage', '"refuse" or "conceal"', damage);
  }
  for (const name of ['videoTrack', 'audioTrack'] as const) {
    const track = options[name] ?? 0;
    if (!(Number.isSafeInteger(track) && track >= 0))
      fail(RangeError, 'openMedia', `options.${name}`, 'a whole number, 0 or more', track);
  }
}

/** What all methods of a reader share. */
type Source = {
  ffmpegPath: string;
  version: string;
  maxPixels: number;
  damage: Damage;
  log: (line: string) => void;
  wanted: WantedTracks;
  /** By `InputFile.version`, at most 64. */
  probes: Map<string, Promise<Probe>>;
  /** What is damaged, by `InputFile.version`, at most 64. */
  surveys: Map<string, Promise<DamageSurvey>>;
  /** Versions of files in which damage was passed over. */
  damaged: Set<string>;
};

/** Which frames, and how large. */
type View = { fps: number; maxSide?: number; flags?: 'area'; region?: FrameRegion; first?: number };

/** Probing starts a process or two: the result is kept while the file stays the same. */
function probeOnce(
  { ffmpegPath, maxPixels, wanted, probes }: Source,
  where: string,
  file: InputFile,
  messages?: string,
): Promise<Probe> {
  let probe = probes.get(file.version);
  if (!probe) {
    if (probes.size >= 64) probes.delete(probes.keys().next().value!);
    probe = probeFile(ffmpegPath, file, { where, maxPixels, messages, ...wanted });
    probes.set(file.version, probe);
    probe.catch(() => probes.delete(file.version));
  }
  return probe;
}

/** Where a file is damaged takes a run to find out: it is kept while the file stays the same. */
async function surveyOnce(source: Source, where: string, file: InputFile): Promise<DamageSurvey> {
  const { ffmpegPath, maxPixels, surveys } = source;
  let survey = surveys.get(file.version);
  if (!survey) {
    if (surveys.size >= 64) surveys.delete(surveys.keys().next().value!);
    survey = probeOnce(source, where, file).then((probe) => surveyDamage(ffmpegPath, file, { probe, maxPixels }));
    surveys.set(file.version, survey);
    survey.catch(() => surveys.delete(file.version));
  }
  return survey;
}

/**
 * Decodes; where damage stops it that spoils no more than single frames, as at a join or a cut, goes on from there
 * without stopping.
 */
async function* pastDamage<Item>(
  source: Source,
  { where, path }: { where: string; path: string },
  decode: (source: Source) => AsyncIterable<Item>,
): AsyncGenerator<Item> {
  const { version } = await inputFile(where, path);
  const minor = source.damaged.has(version);
  let count = 0;
  try {
    for await (const item of decode(minor ? { ...source, damage: 'conceal' } : source)) {
      yield item;
      count++;
    }
    return;
  } catch (error) {
    if (minor || source.damage === 'conceal' || !(error instanceof MediaError) || error.fault !== 'damage') throw error;
    const survey = await surveyOnce(source, where, await inputFile(where, path));
    if (!survey.minor) throw new MediaError(error.message, { fault: 'damage', detail: survey.note, cause: error });
  }
  source.damaged.add(version);
  let passed = 0;
  for await (const item of decode({ ...source, damage: 'conceal' })) if (passed++ >= count) yield item;
}

async function* decodeFrames(source: Source, path: string, view: View): AsyncGenerator<VideoFrame> {
  const { ffmpegPath, version, maxPixels, damage, log } = source;
  const { fps, maxSide, flags, region, first = 0 } = view;
  const file = await inputFile('frames', path);
  const probe = await probeOnce(source, 'frames', file);
  const { info, zeroMicroseconds, frameTimes, maps, clock } = probe;
  if (!info.video) throw new Error(`frames: path must be a file with frames, got ${path} (audio only)`);
  if (region) assertRegion(region, info.video);
  const { width, height } = region ?? fittedSize(info.video, maxSide);
  const filter = region
    ? regionFilter(fps, region, info.video)
    : frameFilter(fps, { size: { width, height }, flags, first });
  const scaling = region ? cropFilter(region, info.video) : scaleFilter({ width, height }, flags);
  const input = inputArguments({ ...file, ...clock }, maxPixels, {
    zeroMicroseconds,
    seekSec: frameTimes ? 0 : Math.max(0, first / fps - SEEK_MARGIN_SEC),
  });
  const onDamage = () => void source.damaged.add(file.version);
  const unit = { name: 'frame', bytes: width * height * 3, wholeOnly: true };
  const decode = (words: string, printed: OutputLog) => {
    const output = [...passFrames(version), '-f', 'rawvideo', '-pix_fmt', 'rgb24', 'pipe:1'];
    const args = [...input, '-map', maps.video, '-vf', words, ...output, ...besideJumps(probe, 'audio')];
    return decodeBytes(ffmpegPath, { where: 'frames', path, args, unit, damage, log, printed, onDamage });
  };
  const printed = new OutputLog('frames');
  let index = first;
  // By their number, or as long as ffmpeg keeps the time: then by the time of each.
  for await (const data of frameTimes ? [] : decode(printFrames(filter), printed)) {
    await printed.covers(index - first + 1);
    if (index - first >= printed.changedAt) break;
    yield { data, width, height, index, timeSec: index / fps };
    index++;
  }
  if (!frameTimes && printed.changedAt === Number.POSITIVE_INFINITY) return;
  const times = new OutputLog('frames', { timed: true });
  const rest = timedData(decode(timedFrames(scaling), times), times, frameTimes);
  for await (const frame of nearestFrames(rest, { fps, from: index }))
    yield { ...frame, width, height, timeSec: frame.index / fps };
}

async function* timedData(
  frames: AsyncIterable<Uint8Array>,
  times: OutputLog,
  stored?: Float64Array,
): AsyncGenerator<TimedFrame> {
  let count = 0;
  for await (const data of frames) {
    await times.covers(++count);
    const printed = times.take(1)?.time;
    yield { data, time: (stored ? stored[count - 1] : printed) ?? Number.NaN };
  }
}

async function* decodeAudio(source: Source, path: string, sampleRate: number): AsyncGenerator<Waveform> {
  const { ffmpegPath, maxPixels, damage, log } = source;
  const file = await inputFile('audio', path);
  const probe = await probeOnce(source, 'audio', file);
  const { info, audioZeroMicroseconds, maps, layout, clock } = probe;
  if (!info.audio) throw new Error(`audio: path must be a file with audio, got ${path} (no audio stream)`);
  const mix = await channelMixOf(ffmpegPath, file, { probe, maxPixels });
  const timed = audioFilter(audioZeroMicroseconds, sampleRate, 'mono');
  // Joined parts may overlap by less than a frame: the second one must not be late by that.
  const exact =
    clock.startMicroseconds === undefined ? timed : timed.replace('min_hard_comp=0.04', 'min_hard_comp=0.005');
  const filter = [...mixFilters(mix, layout), exact].join(',');
  // One second a piece.
  const onDamage = () => void source.damaged.add(file.version);
  const unit = { name: 'second of audio', bytes: Math.round(sampleRate) * 2, wholeOnly: false };
  const decode = (words: string, printed: OutputLog) => {
    const input = inputArguments({ ...file, ...clock }, maxPixels);
    const args = [...input, '-map', maps.audio, '-af', words, '-f', NATIVE_PCM16, 'pipe:1'];
    args.push(...besideJumps(probe, 'video'));
    return decodeBytes(ffmpegPath, { where: 'audio', path, args, unit, damage, log, printed, onDamage });
  };
  const printed = new OutputLog('audio');
  const waiting: Int16Array[] = [];
  let count = 0;
  let given = 0;
  function* give(until: number) {
    for (let [piece] = waiting; piece && given < until; [piece] = waiting) {
      if (given + piece.length > until && until !== printed.changedAt) return;
      waiting.shift();
      const samples = Float32Array.from(piece.subarray(0, until - given), fromPcm16);
      given += samples.length;
      yield { samples, sampleRate };
    }
  }
  for await (const data of decode(printPieces(filter), printed)) {
    waiting.push(new Int16Array(data.buffer, 0, data.byteLength >> 1));
    count += data.byteLength >> 1;
    await printed.covers(count);
    yield* give(Math.min(count, printed.settled));
    if (count > printed.changedAt) break;
  }
  yield* give(Math.min(count, printed.changedAt));
  if (printed.changedAt === Number.POSITIVE_INFINITY) return;
  const places = new OutputLog('audio', { timed: true });
  const rest = placedData(decode(timedAudio(filter), places), places);
  for await (const samples of placedAudio(rest, { from: given, sampleRate })) yield { samples, sampleRate };
}

async function* placedData(
  pieces: AsyncIterable<Uint8Array<ArrayBuffer>>,
  places: OutputLog,
): AsyncGenerator<PlacedSamples> {
  let count = 0;
  for await (const data of pieces) {
    const length = data.byteLength >> 1;
    count += length;
    await places.covers(count);
    for (let offset = 0; offset < length; ) {
      const { time: at, units } = places.take(length - offset) ?? { time: Number.NaN, units: length - offset };
      yield { samples: Float32Array.from(new Int16Array(data.buffer, offset * 2, units), fromPcm16), at };
      offset += units;
    }
  }
}

function assertFrameOptions(where: string, fps: number, maxSide: number | undefined): void {
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, where, 'options.fps', 'above 0 and at most 1000', fps);
  if (maxSide !== undefined && !(Number.isInteger(maxSide) && maxSide > 0)) {
    fail(RangeError, where, 'options.maxSide', 'a whole number of pixels above 0', maxSide);
  }
}

function assertRegion({ left, top, width, height }: FrameRegion, frame: { width: number; height: number }): void {
  const whole =
    [left, top, width, height].every((side) => Number.isInteger(side) && side >= 0) && width > 0 && height > 0;
  if (whole && left + width <= frame.width && top + height <= frame.height) return;
  const rule = `whole pixels within the frame of ${frame.width} x ${frame.height}`;
  fail(RangeError, 'view', 'options.region', rule, `${width} x ${height} at ${left}, ${top}`);
}

function assertSampleRate(where: string, sampleRate: number): void {
  if (!(Number.isInteger(sampleRate) && sampleRate >= 1000 && sampleRate <= 192_000)) {
    fail(RangeError, where, 'options.sampleRate', 'a whole number from 1000 to 192000 Hz', sampleRate);
  }
}

function copyInfo(info: MediaInfo, path: string): MediaInfo {
  return {
    path,
    durationSec: info.durationSec,
    ...(info.video && { video: { ...info.video } }),
    ...(info.audio && { audio: { ...info.audio } }),
    ...(info.choices && { choices: [...info.choices] }),
    ...(info.notes && { notes: [...info.notes] }),
  };
}
