import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** The folder of local data and weights, which is no part of the repository. */
export const SHARED = resolve(root, process.env.LIPSYNC_SHARED ?? '../shared');

/** A test's title, and whether it must be skipped because a path in the shared folder is missing. */
export function sharedTest(title: string, ...needed: string[]): { skip: boolean; title: string } {
  const missing = needed.filter((path) => !existsSync(resolve(SHARED, path)));
  return {
    skip: missing.length > 0,
    title: missing.length > 0 ? `${title} [skipped: no ${missing.join(', ')} in LIPSYNC_SHARED]` : title,
  };
}
