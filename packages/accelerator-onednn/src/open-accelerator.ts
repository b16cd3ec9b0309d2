import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fail } from '@lipsync/contracts';
import { moduleFile } from './module-file';
import type { NativeKernels } from './native-kernels';

export type OpenAcceleratorOptions = {
  /** Threads that its calls from this thread use, 1 to 256. Default: the processors of the machine. */
  threads?: number;
};

/** The module, or why there is none. */
export type OpenedAccelerator =
  | { kernels: NativeKernels; threads: number; version: string }
  | { kernels: null; reason: string };

/**
 * Opens the native module where it was built (`buildAccelerator`, or `lipsync accelerate`).
 *
 * State is kept for each thread of Node, so worker threads may each open it. The environment variable `LIPSYNC_ACCELERATOR=0` keeps it
 * shut. Threads wait for work asleep unless `OMP_WAIT_POLICY` says otherwise, so that processes that share processors do not stop each other.
 *
 * @returns the kernels, or `{ kernels: null, reason }` where it is not built or does not load; never throws for that.
 * @throws RangeError for a bad number of threads.
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
  if (!existsSync(file)) return { kernels: null, reason: 'not built here (lipsync accelerate)' };
  // Read once, when the module brings in OpenMP.
  process.env.OMP_WAIT_POLICY ??= 'passive';
  try {
    const kernels = createRequire(import.meta.url)(file) as NativeKernels;
    return { kernels, threads: kernels.threads(threads), version: kernels.version() };
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    return {
      kernels: null,
      reason: `it does not load: ${line} (apt-get install libdnnl2, or lipsync accelerate to build it again)`,
    };
  }
}
