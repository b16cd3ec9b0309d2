import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';
import { findFfmpeg } from '../ffmpeg/find-ffmpeg';
import type { FfmpegReader, FrameOptions } from '../read/open-media';

/** The ffmpeg that the tests run with; undefined where there is none, and then they skip. */
export const ffmpeg = await findFfmpeg({ log: () => undefined }).catch(() => undefined);

/** Said in the titles of what is skipped. */
export const SKIPPED = ffmpeg ? '' : ' (skipped: no ffmpeg here)';

/** A folder for the files of one test file, removed after it; call it outside of tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-media-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs ffmpeg to make a file. */
export async function make(...args: string[]): Promise<void> {
  await promisify(execFile)(ffmpeg!.path, ['-nostdin', '-v', 'error', '-y', ...args]);
}

/** Black frames that turn white at `atSec` for a fifth of a second, as a lavfi source. */
export function flash(fps: number | string, seconds = 2, atSec = 1, size = '64x48'): string[] {
  const box = `drawbox=c=white:t=fill:enable=between(t\\,${atSec}\\,${atSec + 0.199})`;
  return ['-f', 'lavfi', '-t', String(seconds), '-i', `color=black:s=${size}:r=${fps},${box}`];
}

/** Silence with a 1 kHz beep of amplitude 0.5 from `atSec` on for a fifth of a second. */
export function beep(seconds = 2, atSec = 1, sampleRate = 44100, layout = 'mono', amplitude = 0.5): string[] {
  const one = `if(between(t\\,${atSec}\\,${atSec + 0.2})\\,${amplitude}*sin(2*PI*1000*t)\\,0)`;
  const channels = { mono: 1, stereo: 2, '5.1': 6 }[layout] ?? 1;
  const source = `aevalsrc=${Array(channels).fill(one).join('|')}:s=${sampleRate}:c=${layout}`;
  return ['-f', 'lavfi', '-t', String(seconds), '-i', source];
}

/** x264 in plain yuv420p, and AAC: what most files have. */
export const H264_AAC = [
  '-c:v',
  'libx264',
  '-preset',
  'ultrafast',
  '-pix_fmt',
  'yuv420p',
  '-g',
  '12',
  '-bf',
  '2',
  '-c:a',
  'aac',
];

/** Mean brightness of each frame, 0..255. */
export async function brightness(media: FfmpegReader, path: string, options?: FrameOptions): Promise<number[]> {
  const means: number[] = [];
  for await (const frame of media.frames(path, options)) {
    let sum = 0;
    for (const value of frame.data) sum += value;
    means.push(sum / frame.data.length);
  }
  return means;
}

/** Index of the first white frame. */
export async function flashFrame(media: FfmpegReader, path: string, options?: FrameOptions): Promise<number> {
  return (await brightness(media, path, options)).findIndex((mean) => mean > 128);
}

/** Index of the first sample louder than half of `amplitude`. */
export function onset(samples: Float32Array, amplitude = 0.5): number {
  return samples.findIndex((value) => Math.abs(value) > amplitude / 2);
}

/**
 * Writes a clockwise turn into the track header of an mp4, as phones do; ffmpeg's own option for it changed its name
 * with the version.
 */
export function turn(path: string, degrees: number): void {
  const bytes = readFileSync(path);
  const matrix = bytes.indexOf('tkhd') + 4 + 40; // version 0: 40 bytes before the matrix
  const [cos, sin] = [Math.round(Math.cos((degrees * Math.PI) / 180)), Math.round(Math.sin((degrees * Math.PI) / 180))];
  [cos, sin, -sin, cos].forEach((value, index) => {
    bytes.writeInt32BE(value * 65536, matrix + [0, 4, 12, 16][index]);
  });
  writeFileSync(path, bytes);
}
