import { randomBytes } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import { dirname, extname, join, resolve } from 'node:path';

/** Containers by the ending of the output's name. */
const MUXERS: Record<string, string> = { '.mp4': 'mp4', '.m4v': 'mp4', '.mov': 'mov', '.mkv': 'matroska' };

/** A file that gets its final name only when it is complete. */
export type OutputFile = {
  /** ffmpeg's name of the container. */
  muxer: string;
  /** Where to write meanwhile: beside the final place, so that renaming stays on one disk. */
  temporary: string;
  commit(): Promise<void>;
  discard(): Promise<void>;
};

/** Checks the ending of `path` and picks a temporary name beside it; nothing is written yet. */
export function outputFile(where: string, path: string): OutputFile {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`${where}: path must be the name of a file, got ${JSON.stringify(path)}`);
  }
  const muxer = MUXERS[extname(path).toLowerCase()];
  if (!muxer) throw new TypeError(`${where}: path must end in ${Object.keys(MUXERS).join(', ')}, got ${path}`);
  const final = resolve(path);
  // Without the final name in it: that may be as long as names can be.
  const temporary = join(dirname(final), `.lipsync-${process.pid}-${randomBytes(6).toString('hex')}.partial`);
  return {
    muxer,
    temporary,
    commit: () => rename(temporary, final),
    discard: () => rm(temporary, { force: true }),
  };
}

/** Refuses to write where there is no folder, before ffmpeg says it in its own words. */
export async function assertFolder(where: string, path: string): Promise<void> {
  const folder = dirname(resolve(path));
  const entry = await stat(folder).catch(() => undefined);
  if (!entry?.isDirectory()) throw new Error(`${where}: path must be in a folder that exists, got ${path}`);
}

/**
 * The end of every command that writes a file: no metadata, no dates, so that the same input gives the same bytes. In
 * mp4 and mov the frames' own times begin at 0: otherwise an edit list takes away the delay of frames that wait for
 * later ones, and readers that ignore edit lists show all of them late.
 */
export function containerArguments(output: OutputFile): string[] {
  const times = output.muxer === 'matroska' ? [] : ['-movflags', '+negative_cts_offsets'];
  return ['-map_metadata', '-1', '-fflags', '+bitexact', ...times, '-f', output.muxer, `file:${output.temporary}`];
}
