import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Waveform } from '@lipsync/contracts';
import { assertWaveform, fail } from '@lipsync/contracts';
import { probeFile } from '../check/probe';
import { audioFilter } from '../ffmpeg/filters';
import type { FindFfmpegOptions } from '../ffmpeg/find-ffmpeg';
import { ffmpegFor } from '../ffmpeg/find-ffmpeg';
import type { FfmpegRun } from '../ffmpeg/run-ffmpeg';
import { lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { inputArguments, inputFile } from '../read/input-file';
import { MAX_PIXELS } from '../read/open-media';
import type { EncoderOptions } from './encoder-arguments';
import { audioArguments, videoArguments } from './encoder-arguments';
import { assertFolder, containerArguments, outputFile } from './output-file';

export type EncodeVideoOptions = FindFfmpegOptions &
  EncoderOptions & {
    /** Pixels, even. */
    width: number;
    /** Pixels, even. */
    height: number;
    /** Frames per second. Default 25. */
    fps?: number;
    /** Mono audio whose sample 0 is heard with the first frame; its length need not be that of the frames. Default: no audio. */
    audio?: Waveform;
    /**
     * Instead of `audio`, the audio of a file at its own rate with all its channels. Its time 0 is that of `openMedia`'s `audio`: the file's first
     * frame, or its first audio where it has none.
     */
    audioFile?: string;
    /** Cuts the audio of `soundFile` after this many seconds. Default: all of it. */
    audioSec?: number;
  };

/** Takes frames in order. End with `finish` or `abort`: until then a child process and temporary files live. */
export type VideoWriter = {
  /** RGB, `height * width * 3` bytes; borrowed until the promise resolves. Await it before the next one. */
  write(frame: Uint8Array): Promise<void>;
  /** Waits for the encoder and gives the file its name. */
  finish(): Promise<void>;
  /** Throws away what was written; safe to call twice and after an error. */
  abort(): Promise<void>;
};

/**
 * Writes frames and audio to a video file: H.264 (libx264; MPEG-4 part 2, said aloud, where the build lacks it), yuv420p,
 * BT.601, with AAC audio (in .mkv FLAC). The file appears under its name only when complete; an error or `abort` leaves nothing behind.
 *
 * Decoded again by `openMedia`, the frames are as many as written and the audio starts at sample 0 to within one sample; the container notes
 * the AAC encoder's 1024 samples of delay. How long the audio's tail may become: see the package README.
 *
 * @param path ends in .mp4, .m4v, .mov or .mkv; an existing file is replaced.
 * @throws RangeError for odd sizes or a bad rate; the promises reject where ffmpeg fails (a full disk, a killed child).
 * @example
 * const writer = encodeVideo('face.mp4', { width: 256, height: 256, fps: 25, audio: { samples, sampleRate: 16000 } });
 * for (const frame of frames) await writer.write(frame);
 * await writer.finish();
 */
export function encodeVideo(path: string, options: EncodeVideoOptions): VideoWriter {
  const { width, height, fps = 25, audio, audioFile, audioSec } = options;
  for (const [name, value] of [
    ['width', width],
    ['height', height],
  ] as const) {
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
    fail(TypeError, 'encodeVideo', 'options', 'with one of audio and soundFile', 'both');
  if (audioSec !== undefined && !(audioSec > 0 && Number.isFinite(audioSec)))
    fail(RangeError, 'encodeVideo', 'options.soundSec', 'above 0', audioSec);
  const output = outputFile('encodeVideo', path);
  const frameBytes = width * height * 3;

  let state: 'open' | 'finished' | 'aborted' = 'open';
  let frameCount = 0;
  let audioFolder: string | undefined;
  let ended: Error | undefined;
  let answer: ((error: Error) => void) | undefined;
  const started = start();
  // One listener for all frames: one each would hold every frame until the end.
  started
    .then((run) => run.ended)
    .catch(() => undefined) // reported by write and finish
    .then(() => {
      ended = new Error('ended');
      answer?.(ended);
    });

  async function start(): Promise<FfmpegRun> {
    await assertFolder('encodeVideo', path);
    const ffmpeg = await ffmpegFor(options);
    const sound: string[] = [];
    let audioOut: string[] = [];
    if (audioFile !== undefined) {
      const file = await inputFile('encodeVideo', audioFile);
      const { info, zeroMicroseconds } = await probeFile(ffmpeg.path, 'encodeVideo', file, MAX_PIXELS);
      if (!info.audio)
        throw new Error(`encodeVideo: options.soundFile must be a file with audio, got ${audioFile} (no audio stream)`);
      const cut = audioSec === undefined ? '' : `,atrim=end=${audioSec}`;
      sound.push(...inputArguments(file, MAX_PIXELS));
      audioOut = [
        '-af',
        audioFilter(zeroMicroseconds, info.audio.sampleRate, undefined) + cut,
        ...audioArguments(output.muxer, options, info.audio.channels),
      ];
    }
    if (audio) {
      audioOut = audioArguments(output.muxer, options);
      audioFolder = await mkdtemp(join(tmpdir(), 'lipsync-media-'));
      const file = join(audioFolder, 'audio.f32');
      await writeSamples(file, audio.samples);
      sound.push('-f', 'f32le', '-ar', String(audio.sampleRate), '-ac', '1', '-i', `file:${file}`);
    }
    const video = await videoArguments(ffmpeg, options);
    return runFfmpeg(
      ffmpeg.path,
      [
        '-v',
        'error',
        '-xerror',
        '-y',
        '-f',
        'rawvideo',
        '-pix_fmt',
        'rgb24',
        '-s',
        `${width}x${height}`,
        '-r',
        String(fps),
        '-i',
        'pipe:0',
        ...sound,
        '-map',
        '0:v',
        ...video,
        ...(sound.length > 0 ? ['-map', '1:a:0', ...audioOut] : []),
        ...containerArguments(output),
      ],
      { stdin: 'pipe' },
    );
  }

  async function cleanUp(): Promise<void> {
    const run = await started.catch(() => undefined);
    await run?.kill();
    if (audioFolder) await rm(audioFolder, { recursive: true, force: true });
    await output.discard();
  }

  async function failed(run: FfmpegRun): Promise<never> {
    run.stdin.destroy();
    const end = await run.ended;
    state = 'aborted';
    await cleanUp();
    throw new Error(
      `encodeVideo: ffmpeg must write ${path} to its end, got after ${frameCount} frames: ${lastLine(end)}`,
    );
  }

  /** Raises what went wrong at the start after taking away what was made. */
  async function running(): Promise<FfmpegRun> {
    try {
      return await started;
    } catch (error) {
      await abort();
      throw error;
    }
  }

  async function abort(): Promise<void> {
    if (state === 'finished') return;
    state = 'aborted';
    await cleanUp();
  }

  return {
    async write(frame) {
      if (!(frame instanceof Uint8Array) || frame.length !== frameBytes) {
        fail(TypeError, 'write', 'frame', `a Uint8Array of ${width} x ${height} x 3 bytes`, frame?.length);
      }
      if (state !== 'open') throw new Error(`write: the file must be open, got ${path} ${state}`);
      const run = await running();
      const error = await new Promise<Error | null | undefined>((resolve) => {
        // A dead child never calls back on some platforms: its end answers as well.
        answer = resolve;
        if (ended) resolve(ended);
        else run.stdin.write(frame, resolve);
      });
      answer = undefined;
      if (error) await failed(run);
      frameCount++;
    },
    async finish() {
      if (state !== 'open') throw new Error(`finish: the file must be open, got ${path} ${state}`);
      const run = await running();
      if (frameCount === 0) {
        await abort();
        throw new Error(`finish: at least one frame must have been written, got none for ${path}`);
      }
      run.stdout.resume();
      run.stdin.end();
      const end = await run.ended;
      if (end.code !== 0) await failed(run);
      try {
        await output.commit();
        state = 'finished';
      } finally {
        state = state === 'open' ? 'aborted' : state;
        await cleanUp();
      }
    },
    abort,
  };
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
