import type { FrameRegion, FrameSequence, MediaInfo, MediaReader, VideoFrame, Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import type { Probe } from '../check/probe';
import { probeFile } from '../check/probe';
import { audioFilter, fittedSize, frameFilter, regionFilter } from '../ffmpeg/filters';
import type { Ffmpeg, FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { fromPcm16, NATIVE_PCM16 } from '../ffmpeg/pcm16';
import type { BothStreams } from './both-streams';
import { openBoth, separately } from './both-streams';
import type { Damage } from './decode-bytes';
import { decodeBytes } from './decode-bytes';
import type { InputFile } from './input-file';
import { inputArguments, inputFile } from './input-file';

export type OpenMediaOptions = FindFfmpegOptions & {
  /** Largest frame that is decoded, width times height; larger ones are refused. Default 7680 * 4320 (8K). */
  maxPixels?: number;
  /**
   * What happens where a file is damaged or cut short. `refuse`: decoding stops there with an error. `conceal`: ffmpeg
   * patches what it can, the rest is missing, and `log` is told. Default `refuse`.
   */
  damage?: Damage;
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
  /** The program in use. */
  readonly ffmpeg: Ffmpeg;
  /**
   * With `first`, reading begins at a key frame some way before that one: frames and indices are those of the whole video from `first` on, to the
   * bit, in mp4, mov and mkv. Of other containers, which seek by guess, they may be off or missing: compare where that matters.
   */
  frames(path: string, options?: FramesOptions): FrameSequence;
  /**
   * What is wanted of the frames: `maxSide` averages their pixels (quicker than `frames` scales, which is sharper), a `region` is cut out before
   * its colours are converted: with four even numbers the same to the bit as in the whole frame, of videos of more than 8 bits from 8 pixels off
   * its edges on, as their colours are interpolated.
   */
  view(path: string, options: { fps?: number } & ({ maxSide: number } | { region: FrameRegion })): FrameSequence;
  /**
   * The description, the frames and the audio of a video out of one run of ffmpeg, the same to the bit as `probe`, `frames`
   * and `audio` give with three: for many short clips most of the time goes into starting programs. One run where the video's
   * first frame is at 0 or the video has been probed; else two.
   *
   * Read the streams at the same time or one after the other. What waits for its turn is kept in memory up to `keepBytes`,
   * so read audio before frames only of videos whose frames fit; of longer ones the run is given up then and each stream
   * goes on in its own, from where it was.
   *
   * Until both streams have been read to their ends, or `release`, a child process waits.
   */
  both(path: string, options?: BothOptions): Promise<BothStreams>;
}

/** How far before the first wanted frame a seek goes: which frame is nearest in time depends on the one before it. */
const SEEK_MARGIN_SEC = 1;

/** Width times height of 8K video. */
export const MAX_PIXELS = 7680 * 4320;

/**
 * Opens video and audio files through ffmpeg, as streams in constant memory.
 *
 * Frame k of `frames` is the one nearest to `k / fps` seconds after the first frame; sample n of `audio` is heard at
 * `n / sampleRate` seconds after the first frame (after the first audio where there is no frame). Audio that begins
 * later is preceded by silence, audio from before the first frame is dropped. Frames are RGB, upright (the container's
 * rotation is done), of stored, not display aspect. Audio of several channels becomes their mean as ffmpeg weighs them, full
 * scale kept, in steps of 1 / 32768: 16-bit audio is what all reference pipelines compute their features on, and quiet mel
 * bins show the difference.
 *
 * Frames and pieces of audio are new arrays that belong to the consumer. The child process waits while the consumer works
 * and is killed when an iteration ends early.
 *
 * @throws Error where there is no ffmpeg; the reader's methods throw where a file is missing, is no self-contained video or
 * audio, lacks the stream, is damaged, or is larger than `maxPixels`.
 * @example
 * const media = await openMedia();
 * for await (const frame of media.frames('talk.mp4')) console.log(frame.index, frame.width, frame.height);
 */
export async function openMedia(options: OpenMediaOptions = {}): Promise<FfmpegReader> {
  const { log = (line: string) => console.warn(line), maxPixels = MAX_PIXELS, damage = 'refuse' } = options;
  if (!(Number.isInteger(maxPixels) && maxPixels > 0 && maxPixels < 2 ** 31)) {
    fail(RangeError, 'openMedia', 'options.maxPixels', 'a whole number above 0 and below 2^31', maxPixels);
  }
  if (damage !== 'refuse' && damage !== 'conceal') {
    fail(TypeError, 'openMedia', 'options.damage', '"refuse" or "conceal"', damage);
  }
  const ffmpeg = await ffmpegFor(options);
  const probes = new Map<string, Promise<Probe>>();

  /** Probing starts a process or two: what it found is kept while the file stays the same. */
  function probeOnce(where: string, file: InputFile, said?: string): Promise<Probe> {
    let probe = probes.get(file.version);
    if (!probe) {
      if (probes.size >= 64) probes.delete(probes.keys().next().value!);
      probe = probeFile(ffmpeg.path, where, file, maxPixels, said);
      probes.set(file.version, probe);
      probe.catch(() => probes.delete(file.version));
    }
    return probe;
  }

  type View = { maxSide?: number; flags?: 'area'; region?: FrameRegion; first?: number };

  async function* decodeFrames(
    path: string,
    fps: number,
    { maxSide, flags, region, first = 0 }: View,
  ): AsyncGenerator<VideoFrame> {
    const file = await inputFile('frames', path);
    const { info, zeroMicroseconds } = await probeOnce('frames', file);
    if (!info.video) throw new Error(`frames: path must be a file with frames, got ${path} (audio only)`);
    if (region) assertRegion(region, info.video);
    const { width, height } = region ?? fittedSize(info.video, maxSide);
    const filter = region ? regionFilter(fps, region, info.video) : frameFilter(fps, { width, height }, flags, first);
    const args = [
      ...inputArguments(file, maxPixels, zeroMicroseconds, Math.max(0, first / fps - SEEK_MARGIN_SEC)),
      '-map',
      '0:V:0',
      '-vf',
      filter,
      '-f',
      'rawvideo',
      '-pix_fmt',
      'rgb24',
      'pipe:1',
    ];
    let index = first;
    const unit = { name: 'frame', bytes: width * height * 3, wholeOnly: true };
    for await (const data of decodeBytes(ffmpeg.path, 'frames', path, args, unit, damage, log)) {
      yield { data, width, height, index, timeSec: index / fps };
      index++;
    }
  }

  async function* decodeAudio(path: string, sampleRate: number): AsyncGenerator<Waveform> {
    const file = await inputFile('audio', path);
    const { info, zeroMicroseconds } = await probeOnce('audio', file);
    if (!info.audio) throw new Error(`audio: path must be a file with audio, got ${path} (no audio stream)`);
    const args = [
      ...inputArguments(file, maxPixels),
      '-map',
      '0:a:0',
      '-af',
      audioFilter(zeroMicroseconds, sampleRate, 'mono'),
      '-f',
      NATIVE_PCM16,
      'pipe:1',
    ];
    // One second a piece.
    const unit = { name: 'second of audio', bytes: Math.round(sampleRate) * 2, wholeOnly: false };
    for await (const data of decodeBytes(ffmpeg.path, 'audio', path, args, unit, damage, log)) {
      yield { samples: Float32Array.from(new Int16Array(data.buffer, 0, data.byteLength >> 1), fromPcm16), sampleRate };
    }
  }

  const reader: FfmpegReader = {
    ffmpeg,
    async probe(path) {
      const { info } = await probeOnce('probe', await inputFile('probe', path));
      return copyInfo(info, path);
    },
    frames(path, { fps = 25, maxSide, first = 0 } = {}) {
      assertFrameOptions('frames', fps, maxSide);
      if (!(Number.isSafeInteger(first) && first >= 0))
        fail(RangeError, 'frames', 'options.first', 'a whole number, 0 or more', first);
      return { fps, [Symbol.asyncIterator]: () => decodeFrames(path, fps, { maxSide, first }) };
    },
    view(path, options) {
      const { fps = 25 } = options;
      const view: View =
        'region' in options ? { region: { ...options.region } } : { maxSide: options.maxSide, flags: 'area' };
      assertFrameOptions('view', fps, view.maxSide);
      return { fps, [Symbol.asyncIterator]: () => decodeFrames(path, fps, view) };
    },
    audio(path, { sampleRate = 16000 } = {}) {
      assertSampleRate('audio', sampleRate);
      return { [Symbol.asyncIterator]: () => decodeAudio(path, sampleRate) };
    },
    async both(path, { fps = 25, maxSide, sampleRate = 16000, keepBytes = 128 * 2 ** 20 } = {}) {
      assertFrameOptions('both', fps, maxSide);
      assertSampleRate('both', sampleRate);
      if (!(keepBytes >= 0)) fail(RangeError, 'both', 'options.keepBytes', 'at least 0', keepBytes);
      const file = await inputFile('both', path);
      const separate = {
        frames: () => reader.frames(path, { fps, maxSide }),
        audio: () => reader.audio(path, { sampleRate }),
      };
      const describe = async (said?: string) => {
        const { info, zeroMicroseconds } = await probeOnce('both', file, said);
        return { info: copyInfo(info, path), zeroMicroseconds };
      };
      // A third pipe has not been tried on Windows.
      if (process.platform === 'win32') return separately((await describe()).info, separate);
      const known = probes.has(file.version) ? await describe() : undefined;
      const limits = { maxPixels, damage, log, keepBytes };
      return openBoth({
        ffmpegPath: ffmpeg.path,
        file,
        ...limits,
        fps,
        maxSide,
        sampleRate,
        known,
        describe,
        separate,
      });
    },
  };
  return reader;
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
  };
}
