import type { FrameRegion, FrameSequence, MediaInfo, MediaReader } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { channelMixOf } from '../check/probe';
import type { Ffmpeg, FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { openPipeline } from '../published/published-pipeline';
import { publishedStreams } from '../published/published-streams';
import type { BothStreams } from './both-streams';
import { openBoth, separately } from './both-streams';
import { decodeAudio } from './decode-audio';
import type { Damage } from './decode-bytes';
import type { View } from './decode-frames';
import { decodeFrames } from './decode-frames';
import { inputFile } from './input-file';
import type { MediaSource } from './media-source';
import { pastDamage, probeOnce, surveyOnce } from './media-source';

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
  const source: MediaSource = {
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
    publishedPipeline: (path, { container }) => openPipeline(source, path, container),
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

function assertFrameOptions(where: string, fps: number, maxSide: number | undefined): void {
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, where, 'options.fps', 'above 0 and at most 1000', fps);
  if (maxSide !== undefined && !(Number.isInteger(maxSide) && maxSide > 0)) {
    fail(RangeError, where, 'options.maxSide', 'a whole number of pixels above 0', maxSide);
  }
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
