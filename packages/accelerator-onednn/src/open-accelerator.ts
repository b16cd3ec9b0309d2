import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fail } from '@lipsync/contracts';
import { moduleFile } from './module-file';
import type { NativeKernels } from './native-kernels';

export type OpenAcceleratorOptions = {
  /** Number of threads that calls from this thread use, 1 to 256. Default: the number of processors. */
  threads?: number;
};

/** The kernels, or why there are none. */
export type OpenedAccelerator =
  | { kernels: NativeKernels; threads: number; version: string }
  | { kernels: null; reason: string };

/**
 * Opens the native module that `buildAccelerator` compiled.
 *
 * Each thread of Node has its own state, so worker threads may open it too. The environment variable
 * `LIPSYNC_ACCELERATOR=0` switches it off. Idle threads sleep unless `OMP_WAIT_POLICY` is set, so that processes on the
 * same processors do not block each other.
 *
 * @returns the kernels, or `{ kernels: null, reason }` where the module is not built or does not load.
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
  const file = moduleFile();
  if (!existsSync(file))
    return { kernels: null, reason: 'not built here (buildAccelerator of @lipsync/accelerator-onednn builds it)' };
  // OpenMP reads it once, when the module is loaded.
  process.env.OMP_WAIT_POLICY ??= 'passive';
  try {
    const kernels = createRequire(import.meta.url)(file) as NativeKernels;
    return { kernels, threads: kernels.threads(threads), version: kernels.version() };
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    return {
      kernels: null,
      reason: `it does not load: ${line} (install oneDNN: apt-get install libdnnl2; or build the module again: buildAccelerator of @lipsync/accelerator-onednn)`,
    };
  }
}
