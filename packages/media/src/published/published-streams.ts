import type { PublishedStreams, VideoFrame, Waveform } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE } from '@lipsync/contracts';
import { inPieces } from '../ffmpeg/in-pieces';
import { fromPcm16, NATIVE_PCM16 } from '../ffmpeg/pcm16';
import { type FfmpegRun, lastLine, runFfmpeg } from '../ffmpeg/run-ffmpeg';
import { decodeJpeg } from '../jpeg/decode-jpeg';
import { splitJpegs } from '../jpeg/split-jpegs';
import type { InputFile } from '../read/input-file';
import { inputFile, untimedInputArguments } from '../read/input-file';
import type { MediaSource } from '../read/media-source';

/** The rate that published evaluations take every file for. */
export const TAKEN_FPS = 25;

/**
 * The streams as SyncNet's `evaluate` and those who took it over make them, by the same commands of ffmpeg:
 *
 * - frames: `-threads 1 -f image2 %06d.jpg`, then OpenCV's `imread`: mjpeg at ffmpeg's default rate of 200 kbit/s, so
 *   of a quality that varies; at the file's own rate, counted as 25 a second. Bit for bit those of the original with
 *   the same ffmpeg.
 * - audio: `-async 1 -ac 1 -vn -acodec pcm_s16le -ar 16000`: resampled in 16 bits where the source has 16 bits.
 *
 * ffmpeg chooses the tracks, where none is asked for. Frames and audio start as ffmpeg places them, not at the first
 * frame.
 */
export function publishedStreams(source: MediaSource, path: string): PublishedStreams {
  return {
    frames: { fps: TAKEN_FPS, [Symbol.asyncIterator]: () => jpegFrames(source, path) },
    audio: { [Symbol.asyncIterator]: () => pcm16Audio(source, path) },
  };
}

/**
 * The frames of a file through JPEG files, counted as 25 a second.
 *
 * @param quality arguments of ffmpeg. Default: none, ffmpeg's own 200 kbit/s.
 */
export async function* jpegFrames(
  source: MediaSource,
  path: string,
  quality: readonly string[] = [],
): AsyncGenerator<VideoFrame> {
  const file = await inputFile('published', path);
  const run = start(source, file, [
    ...mapOf('v', source.wanted.videoTrack),
    ...[...quality, '-threads', '1', '-f', 'image2pipe', '-c:v', 'mjpeg', 'pipe:1'],
  ]);
  let index = 0;
  try {
    for await (const bytes of splitJpegs(run.stdout)) {
      yield { ...decodeJpeg(bytes), index, timeSec: index / TAKEN_FPS };
      index++;
    }
    await end(run, { source, file, what: 'frame', any: index > 0 });
  } finally {
    await run.kill();
  }
}

async function* pcm16Audio(source: MediaSource, path: string): AsyncGenerator<Waveform> {
  const file = await inputFile('published', path);
  const rate = String(AUDIO_SAMPLE_RATE);
  const codec = `pcm_${NATIVE_PCM16}`;
  const output = ['-async', '1', '-ac', '1', '-vn', '-acodec', codec, '-ar', rate, '-f', NATIVE_PCM16, 'pipe:1'];
  const run = start(source, file, [...mapOf('a', source.wanted.audioTrack), ...output]);
  let any = false;
  try {
    // One second a piece.
    for await (const bytes of inPieces(run.stdout, 2 * AUDIO_SAMPLE_RATE)) {
      any = true;
      const values = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
      yield { samples: Float32Array.from(values, fromPcm16), sampleRate: AUDIO_SAMPLE_RATE };
    }
    await end(run, { source, file, what: 'sample of audio', any });
  } finally {
    await run.kill();
  }
}

/** The track that was asked for. */
export const mapOf = (kind: 'v' | 'a', track: number | undefined) =>
  track === undefined ? [] : ['-map', `0:${kind}:${track}`];

function start({ ffmpegPath, maxPixels }: MediaSource, file: InputFile, output: readonly string[]): FfmpegRun {
  return runFfmpeg(ffmpegPath, ['-nostdin', '-v', 'error', ...untimedInputArguments(file, maxPixels), ...output]);
}

/** Like the published scripts, damage is passed over; it is logged. */
async function end(
  run: FfmpegRun,
  { source, file, what, any }: { source: MediaSource; file: InputFile; what: string; any: boolean },
): Promise<void> {
  const ended = await run.ended;
  if (ended.code !== 0 || !any) {
    const got = `${file.path}: ${lastLine(ended)}`;
    throw new Error(`published: path must be a file with at least one ${what}, got ${got}`);
  }
  if (ended.messages.trim() !== '') source.log(`published: ${file.path}: ffmpeg says: ${lastLine(ended)}`);
}
