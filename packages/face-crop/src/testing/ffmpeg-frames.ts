import { spawnSync } from 'node:child_process';
import type { VideoFrame } from '@lipsync/contracts';

/** Decodes the first `count` images of a video at 25 fps with the ffmpeg of the PATH. */
export function ffmpegFrames(path: string, width: number, height: number, count = 1000): VideoFrame[] {
  const args = [
    '-nostdin',
    '-v',
    'error',
    '-i',
    path,
    '-r',
    '25',
    '-frames:v',
    String(count),
    '-f',
    'rawvideo',
    '-pix_fmt',
    'rgb24',
    'pipe:1',
  ];
  const { stdout, status, stderr } = spawnSync('ffmpeg', args, { maxBuffer: 2 ** 31 - 1 });
  if (status !== 0) throw new Error(`ffmpeg on ${path}: ${String(stderr)}`);
  const bytes = width * height * 3;
  return Array.from({ length: Math.floor(stdout.length / bytes) }, (_, index) => ({
    data: new Uint8Array(stdout.buffer, stdout.byteOffset + index * bytes, bytes),
    width,
    height,
    index,
    timeSec: index / 25,
  }));
}

/** Width and height of a video. */
export function ffprobeSize(path: string): { width: number; height: number } {
  const args = [
    '-v',
    'error',
    '-select_streams',
    'v:0',
    '-show_entries',
    'stream=width,height',
    '-of',
    'csv=p=0',
    path,
  ];
  const [width, height] = String(spawnSync('ffprobe', args).stdout).trim().split(',').map(Number);
  return { width, height };
}
