import { realpath, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { UsageError } from './command';

/** Refuses an OUT that is no video file, or would overwrite an input or, without `force`, any file. */
export async function assertVideoPath(out: string, inputs: Record<string, string>, force: boolean): Promise<void> {
  const endings = ['.mp4', '.m4v', '.mov', '.mkv'];
  if (!endings.includes(extname(out).toLowerCase()))
    throw new UsageError(`OUT must end in ${endings.join(', ')}, got ${out}`);
  const real = await realpath(out).catch(() => undefined);
  for (const [name, path] of Object.entries(inputs)) {
    if (path === out || (real !== undefined && real === (await realpath(path).catch(() => path)))) {
      throw new UsageError(`OUT must be another file than ${name}, got ${out}`);
    }
  }
  if (!force && (await stat(out).catch(() => undefined)))
    throw new UsageError(`OUT must be a new file (or give --force), got ${out}`);
}
