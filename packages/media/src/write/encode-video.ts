import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Waveform } from '@lipsync/contracts';
import { assertWaveform, fail } from '@lipsync/contracts';
import { assertOneClock, probeFile } from '../check/probe';
import { audioFilter } from '../ffmpeg/filters';
import type { FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import { InputPipe } from '../ffmpeg/input-pipe';
import type { FfmpegRun } from '../ffmpeg/run-ffmpeg';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { inputArguments, inputFile } from '../read/input-file';
import { MAX_PIXELS } from '../read/open-media';
import { ENCODE_LOG, followFilters } from './encode-run';
import type { EncoderOptions } from './encoder-arguments';
import { audioArguments, videoArguments } from './encoder-arguments';
import { assertFolder, containerArguments, type OutputFile, outputFile } from './output-file';

export type EncodeVideoOptions = FindFfmpegOptions &
  EncoderOptions & {
    /** Pixels, even. */
    width: number;
    /** Pixels, even. */
    height: number;
    /** Frames per second. Default 25. */
    fps?: number;
    /**
     * Mono audio whose sample 0 plays with the first frame; it may be shorter or longer than the frames. Default: no
     * audio.
     */
    audio?: Waveform;
    /**
     * Instead of `audio`, the audio of a file at its own rate with all its channels. Its time 0 is that of
     * `openMedia`'s `audio`: the file's first frame, or its first audio where it has none.
     */
    audioFile?: string;
    /** Which audio track of `audioFile`, from 0. Default: as `openMedia` chooses. */
    audioTrack?: number;
    /** Cuts the audio of `audioFile` after this many seconds. Default: all of it. */
    audioSec?: number;
  };

/** Takes frames in order. End with `finish` or `abort`: until then it holds a child process and temporary files. */
export type VideoWriter = {
  /** RGB, `height * width * 3` bytes; borrowed until the promise resolves. Await it before the next one. */
  write(frame: Uint8Array): Promise<void>;
  /** Waits for the encoder and gives the file its name. */
  finish(): Promise<void>;
  /** Discards what was written; safe to call twice and after an error. */
  abort(): Promise<void>;
};

/**
 * Writes frames and audio to a video file: H.264 (libx264; MPEG-4 part 2, with a log line, where the build lacks it),
 * yuv420p, BT.601, with AAC audio (in .mkv FLAC). The file appears under its name only when complete; an error or
 * `abort` leaves nothing behind.
 *
 * Decoded again by `openMedia`, there are as many frames as written and the audio starts at sample 0 to within one
 * sample; the container notes the AAC encoder's 1024 samples of delay. For the audio's tail see the package README.
 *
 * @param path ends in .mp4, .m4v, .mov or .mkv; an existing file is replaced.
 * @returns the writer; finish or abort it.
 * @throws RangeError for odd sizes or a bad rate; the promises reject where ffmpeg fails (a full disk, a killed child).
 * @example
 * import { encodeVideo } from '@lipsync/media';
 * const writer = encodeVideo('face.mp4', { width: 256, height: 256, fps: 25, audio: { samples, sampleRate: 16000 } });
 * for (const frame of frames) await writer.write(frame);
 * await writer.finish();
 */
export function encodeVideo(path: string, options: EncodeVideoOptions): VideoWriter {
  checkOptions(options);
  return new FfmpegWriter(path, options);
}

function checkOptions({ width, height, fps = 25, audio, audioFile, audioSec }: EncodeVideoOptions): void {
  for (const [name, value] of Object.entries({ width, height })) {
    if (!(Number.isInteger(value) && value > 0 && value % 2 === 0 && value <= 16_384)) {
      fail(RangeError, 'encodeVideo', `options.${name}`, 'an even number of pixels from 2 to 16384', value);
    }
  }
  if (!(fps > 0 && fps <= 1000)) fail(RangeError, 'encodeVideo', 'options.fps', 'above 0 and at most 1000', fps);
  if (audio) assertWaveform('encodeVideo', audio);
  if (audio && !Number.isInteger(audio.sampleRate)) {
    fail(RangeError, 'encodeVideo', 'options.audio.sampleRate', 'a whole number of Hz', audio.sampleRate);
  }
  if (audio && audioFile !== undefined)
    fail(TypeError, 'encodeVideo', 'options', 'with one of audio and audioFile', 'both');
  if (audioSec !== undefined && !(audioSec > 0 && Number.isFinite(audioSec)))
    fail(RangeError, 'encodeVideo', 'options.audioSec', 'above 0', audioSec);
}

/** Arguments for ffmpeg that open an audio input, and those that encode it. */
type AudioArguments = { input: string[]; output: string[]; map: string };

class FfmpegWriter implements VideoWriter {
  readonly #path: string;
  readonly #options: EncodeVideoOptions;
  readonly #output: OutputFile;
  readonly #started: Promise<FfmpegRun>;
  #state: 'open' | 'finished' | 'aborted' = 'open';
  readonly #filters = followFilters();
  readonly #pipe: InputPipe;
  #frameCount = 0;
  #audioFolder?: string;

  constructor(path: string, options: EncodeVideoOptions) {
    this.#path = path;
    this.#options = options;
    this.#output = outputFile('encodeVideo', path);
    this.#started = this.#start();
    this.#pipe = new InputPipe(this.#started);
  }

  async write(frame: Uint8Array): Promise<void> {
    const { width, height } = this.#options;
    if (!(frame instanceof Uint8Array) || frame.length !== width * height * 3) {
      fail(TypeError, 'write', 'frame', `a Uint8Array of ${width} x ${height} x 3 bytes`, frame?.length);
    }
    if (this.#state !== 'open') throw new Error(`write: the file must be open, got ${this.#path} ${this.#state}`);
    const run = await this.#running();
    if (await this.#pipe.write(frame)) await this.#failed(run);
    this.#frameCount++;
  }

  async finish(): Promise<void> {
    if (this.#state !== 'open') throw new Error(`finish: the file must be open, got ${this.#path} ${this.#state}`);
    const run = await this.#running();
    if (this.#frameCount === 0) {
      await this.abort();
      throw new Error(`finish: at least one frame must have been written, got none for ${this.#path}`);
    }
    run.stdout.resume();
    run.stdin.end();
    const end = await run.ended;
    if (end.code !== 0) await this.#failed(run);
    if (this.#filters.changed()) await this.#failed(run);
    try {
      await this.#output.commit();
      this.#state = 'finished';
    } finally {
      if (this.#state !== 'finished') this.#state = 'aborted';
      await this.#cleanUp();
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'finished') return;
    this.#state = 'aborted';
    await this.#cleanUp();
  }

  async #start(): Promise<FfmpegRun> {
    const { width, height, fps = 25 } = this.#options;
    await assertFolder('encodeVideo', this.#path);
    const ffmpeg = await ffmpegFor(this.#options);
    const audio = await this.#audioArguments(ffmpeg.path);
    const video = await videoArguments(ffmpeg, this.#options);
    const rawVideo = ['-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', `${width}x${height}`, '-r', String(fps)];
    return runFfmpeg(
      ffmpeg.path,
      [
        ...[...ENCODE_LOG, '-xerror', '-y'],
        ...[...rawVideo, '-i', 'pipe:0'],
        ...(audio?.input ?? []),
        ...['-map', '0:v', ...video],
        ...(audio ? ['-map', audio.map, ...audio.output] : []),
        ...containerArguments(this.#output),
      ],
      { stdin: 'pipe', listen: this.#filters.listen },
    );
  }

  async #audioArguments(ffmpegPath: string): Promise<AudioArguments | undefined> {
    const { audio, audioFile, audioSec, audioTrack } = this.#options;
    const { muxer } = this.#output;
    if (audioFile !== undefined) {
      const file = await inputFile('encodeVideo', audioFile);
      const probe = await probeFile(ffmpegPath, file, {
        where: 'encodeVideo',
        maxPixels: MAX_PIXELS,
        audioTrack,
      });
      const { info, audioZeroMicroseconds, maps } = probe;
      assertOneClock('encodeVideo', 'options.audioFile', probe);
      if (!info.audio)
        throw new Error(`encodeVideo: options.audioFile must be a file with audio, got ${audioFile} (no audio stream)`);
      const cut = audioSec === undefined ? '' : `,atrim=end=${audioSec}`;
      const filter = audioFilter(audioZeroMicroseconds, info.audio.sampleRate) + cut;
      const codec = audioArguments(muxer, this.#options, info.audio.channels);
      const output = ['-af', filter, ...codec];
      return { input: inputArguments(file, MAX_PIXELS), output, map: maps.audio.replace(/^0/, '1') };
    }
    if (!audio) return undefined;
    const codec = audioArguments(muxer, this.#options);
    this.#audioFolder = await mkdtemp(join(tmpdir(), 'lipsync-media-'));
    const file = join(this.#audioFolder, 'audio.f32');
    await writeSamples(file, audio.samples);
    const raw = ['-f', 'f32le', '-ar', String(audio.sampleRate), '-ac', '1'];
    return { input: [...raw, '-i', `file:${file}`], output: codec, map: '1:a:0' };
  }

  /** The started encoder; where it could not be started, cleans up and throws the reason. */
  async #running(): Promise<FfmpegRun> {
    try {
      return await this.#started;
    } catch (error) {
      await this.abort();
      throw error;
    }
  }

  async #failed(run: FfmpegRun): Promise<never> {
    run.stdin.destroy();
    const end = await run.ended;
    this.#state = 'aborted';
    await this.#cleanUp();
    if (this.#filters.changed()) {
      const rule = 'a file whose audio keeps its channels and sample rate (normaliseMedia makes it one)';
      throw new Error(`encodeVideo: options.audioFile must be ${rule}, got ${this.#options.audioFile}`);
    }
    throw new Error(
      `encodeVideo: ffmpeg must write ${this.#path} to its end, got after ${this.#frameCount} frames: ${lastLine({ ...end, messages: this.#filters.errors() })}`,
    );
  }

  async #cleanUp(): Promise<void> {
    const run = await this.#started.catch(() => undefined);
    await run?.kill();
    if (this.#audioFolder) await rm(this.#audioFolder, { recursive: true, force: true });
    await this.#output.discard();
  }
}

/** Raw little-endian floats, a piece at a time. */
async function writeSamples(path: string, samples: Float32Array): Promise<void> {
  const file = await open(path, 'w');
  try {
    for (let start = 0; start < samples.length; start += 65_536) {
      const part = samples.subarray(start, start + 65_536);
      const bytes = new DataView(new ArrayBuffer(part.length * 4));
      part.forEach((value, index) => bytes.setFloat32(index * 4, value, true));
      await file.write(new Uint8Array(bytes.buffer));
    }
  } finally {
    await file.close();
  }
}
