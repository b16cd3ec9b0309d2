import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fail } from '@lipsync/contracts';
import { moduleFile } from './module-file';
import type { NativeKernels } from './native-kernels';
import { prebuiltModule } from './prebuilt-module';

export type OpenAcceleratorOptions = {
  /** Number of threads that calls from this thread use, 1 to 256. Default: the number of processors. */
  threads?: number;
};

/** The kernels, or why there are none. */
export type OpenedAccelerator =
  | { kernels: NativeKernels; threads: number; version: string }
  | { kernels: null; reason: string };

const BUILD = 'buildAccelerator of @lipsync/accelerator-onednn';

/**
 * Opens the native module: that of the package for this platform (`@lipsync/accelerator-onednn-linux-x64` and others),
 * or where that is missing or does not load the one that `buildAccelerator` compiled.
 *
 * Each thread of Node has its own state, so worker threads may open it too. The environment variable
 * `LIPSYNC_ACCELERATOR=0` switches it off, `LIPSYNC_ACCELERATOR_DIR` names the only folder in which it is looked for.
 * Idle threads sleep unless `OMP_WAIT_POLICY` is set, so that processes on the same processors do not block each other.
 *
 * @returns the kernels, or `{ kernels: null, reason }` where there is no module or none loads.
 * @throws RangeError for an invalid number of threads.
 * @example
 * const opened = openAccelerator({ threads: 2 });
 * console.log(opened.kernels ? `oneDNN ${opened.version}` : opened.reason);
 */
export function openAccelerator({ threads = 0 }: OpenAcceleratorOptions = {}): OpenedAccelerator {
  if (!(Number.isInteger(threads) && threads >= 0 && threads <= 256)) {
    fail(RangeError, 'openAccelerator', 'threads', 'a whole number from 1 to 256', threads);
  }
  if (process.env.LIPSYNC_ACCELERATOR === '0')
    return { kernels: null, reason: 'switched off by LIPSYNC_ACCELERATOR=0' };
  // LIPSYNC_ACCELERATOR_DIR is the only folder searched.
  const prebuilt = process.env.LIPSYNC_ACCELERATOR_DIR ? undefined : prebuiltModule();
  const built = moduleFile();
  const reasons: string[] = [];
  for (const [file, remedy] of [
    [prebuilt && 'file' in prebuilt ? prebuilt.file : undefined, `build it here: ${BUILD}`],
    [existsSync(built) ? built : undefined, `install oneDNN: apt-get install libdnnl2; or build it again: ${BUILD}`],
  ] as const) {
    if (file === undefined) continue;
    try {
      const kernels = load(file);
      return { kernels, threads: kernels.threads(threads), version: kernels.version() };
    } catch (error) {
      reasons.push(`${file} does not load: ${(error as Error).message.split('\n')[0]} (${remedy})`);
    }
  }
  if (reasons.length > 0) return { kernels: null, reason: reasons.join('; ') };
  const missing = prebuilt && 'missing' in prebuilt ? `, and ${prebuilt.missing}` : '';
  return { kernels: null, reason: `not built here (${BUILD} builds it)${missing}` };
}

function load(file: string): NativeKernels {
  // OpenMP reads it once, when the module is loaded.
  process.env.OMP_WAIT_POLICY ??= 'passive';
  return createRequire(import.meta.url)(file) as NativeKernels;
}
