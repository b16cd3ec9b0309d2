import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';

const ENDINGS = /\.(mp4|m4v|mov|mkv|webm|avi|mpg|mpeg|vob|mts|m2ts|ts|wmv|flv|3gp|ogv)$/i;

/** A folder, and the videos in it by their paths relative to it. */
export type VideoList = { folder: string; sources: string[] };

/**
 * The videos below a folder, or one file, recognised by their extensions, symbolic links included; `/` between folders,
 * sorted by code unit so that every machine lists them in the same order.
 *
 * @throws Error if the folder is missing or has no video.
 * @example
 * import { listVideos } from '@lipsync/dataloader';
 * const { sources } = await listVideos('videos'); // ['a.mp4', 'talks/b.mkv']
 */
export async function listVideos(input: string): Promise<VideoList> {
  const facts = await stat(input).catch(() => undefined);
  if (!facts) throw new Error(`listVideos: input must be a folder of videos or a video, got ${input} (no such file)`);
  if (facts.isFile()) return { folder: dirname(input), sources: [basename(input)] };
  const sources: string[] = [];
  const entries = await readdir(input, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!ENDINGS.test(entry.name) || entry.name.startsWith('.')) continue;
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile() && !(entry.isSymbolicLink() && (await stat(path).catch(() => undefined))?.isFile())) continue;
    sources.push(relative(input, path).split(sep).join('/'));
  }
  if (sources.length === 0)
    throw new Error(
      `listVideos: input must be a folder with videos (mp4, mov, mkv, webm, avi, mpg …), got ${input} (none in it)`,
    );
  return { folder: input, sources: sources.sort((a, b) => (a < b ? -1 : 1)) };
}
