import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder; this file is one below it, in `src` or `dist`. */
const packageFolder = (): string => dirname(dirname(fileURLToPath(import.meta.url)));

/** Paths of the C++ source files. */
export function sourceFiles(): { folder: string; units: string[]; headers: string[] } {
  const folder = join(packageFolder(), 'native');
  const names = readdirSync(folder).sort();
  const ending = (end: string) => names.filter((name) => name.endsWith(end)).map((name) => join(folder, name));
  return { folder, units: ending('.cc'), headers: ending('.h') };
}

/**
 * Path of the built module: in `build/` of this package, or in the folder `LIPSYNC_ACCELERATOR_DIR`. The name contains
 * system, architecture and a hash of the source, so that a module built from other source is never loaded; it works
 * with every Node from 20 on (Node-API 8).
 */
export function moduleFile(): string {
  const { units, headers } = sourceFiles();
  const hash = createHash('sha256');
  for (const file of [...units, ...headers]) hash.update(readFileSync(file));
  const folder = process.env.LIPSYNC_ACCELERATOR_DIR || join(packageFolder(), 'build');
  return join(folder, `onednn-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 12)}.node`);
}
