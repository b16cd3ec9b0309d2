import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';

/**
 * Containers that hold their streams themselves. Playlists and scripts that name other files or addresses (hls, dash,
 * concat, sdp, imf, image sequences, lavfi …) are left out on purpose: ffmpeg recognises them by content, whatever the
 * name, and would read what they name.
 */
const SELF_CONTAINED_FORMATS = [
  'mov',
  'mp4',
  'matroska',
  'webm',
  'avi',
  'mpeg',
  'mpegts',
  'mpegvideo',
  'flv',
  'asf',
  'nut',
  'ivf',
  'mxf',
  'gxf',
  'dv',
  'rm',
  'yuv4mpegpipe',
  'h264',
  'hevc',
  'm4v',
  'mjpeg',
  'av1',
  'obu',
  'gif',
  'wav',
  'w64',
  'aiff',
  'caf',
  'au',
  'flac',
  'mp3',
  'aac',
  'ac3',
  'eac3',
  'ogg',
  'amr',
  'tta',
  'wv',
] as const;

/** What identifies one version of a file. */
export type InputFile = {
  path: string;
  url: string;
  version: string;
  /** Where the container's clock begins, if it is one of those that may jump: see `inputArguments`. */
  startMicroseconds?: number;
};

/**
 * Refuses what is not a plain file (folders, pipes, devices) and gives the address under which ffmpeg cannot take the
 * name for an option, a protocol or a pattern: `file:` and the absolute path.
 */
export async function inputFile(where: string, path: string): Promise<InputFile> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`${where}: path must be the name of a file, got ${JSON.stringify(path)}`);
  }
  const absolute = resolve(path);
  const entry = await stat(absolute).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${where}: path must be a file that can be read, got ${path} (${error.code})`);
  });
  if (!entry.isFile()) throw new Error(`${where}: path must be a plain file, got ${path} (a folder, pipe or device)`);
  return { path, url: `file:${absolute}`, version: `${absolute}|${entry.size}|${entry.mtimeMs}` };
}

/**
 * The arguments that open `file` and let ffmpeg read nothing else. With `zeroMicroseconds` its clock is moved so that
 * this time becomes 0; without, it is left as the container has it (`-copyts`: ffmpeg would else start at the earliest
 * stream). With `seekSec` reading begins at the last key frame before that many seconds, if the container can seek; its
 * clock stays.
 *
 * The clock of a joined recording jumps where the second part begins. ffmpeg lets that part follow the first, frames
 * and audio together, but only without `-copyts`: with `file.startMicroseconds` its own clock is used and moved back by
 * that.
 */
export function inputArguments(
  file: InputFile,
  maxPixels: number,
  { zeroMicroseconds = 0, seekSec = 0 }: { zeroMicroseconds?: number; seekSec?: number } = {},
): string[] {
  const { startMicroseconds } = file;
  const ownClock = startMicroseconds !== undefined && seekSec === 0;
  return [
    ...(ownClock ? [] : ['-copyts']),
    ...(seekSec > 0 ? ['-noaccurate_seek', '-ss', seekSec.toFixed(6)] : []),
    '-itsoffset',
    (((ownClock ? startMicroseconds : 0) - zeroMicroseconds) / 1e6).toFixed(6),
    ...untimedInputArguments(file, maxPixels),
  ];
}

/** `inputArguments` with ffmpeg's own clock, which starts at the earliest stream. */
export function untimedInputArguments(file: InputFile, maxPixels: number): string[] {
  return [
    '-protocol_whitelist',
    'file', // no network, and no concat:, subfile: or crypto: hidden in the container
    '-format_whitelist',
    SELF_CONTAINED_FORMATS.join(','),
    '-max_pixels',
    String(maxPixels),
    '-i',
    file.url,
  ];
}
