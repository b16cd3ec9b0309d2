import type { OpenedAccelerator } from '@lipsync/accelerator-onednn';
import { optionalPackage } from '../select/optional-package';
import type { WasmBackend } from './heap';
import { native, useNative } from './native';

/** 'auto' takes it where it is built, 'onednn' insists, 'none' leaves it. */
export type AcceleratorWish = 'auto' | 'onednn' | 'none';

/**
 * Puts the kernels of @lipsync/accelerator-onednn under the wasm backend, where that package is installed and built. Node only.
 *
 * @returns its version, or why it is missing; null where it was not to be looked for.
 * @throws Error if it was insisted on and is missing.
 */
export async function startAccelerator(
  backend: WasmBackend,
  threads: number,
  request: AcceleratorWish,
): Promise<{ version: string } | { missing: string } | null> {
  if (request === 'none') {
    useNative(backend, null);
    return null;
  }
  const opened = await open(threads);
  if (opened.kernels) {
    useNative(backend, opened.kernels);
    // A heap that native code may not read would be noticed here, not in the middle of a training.
    const { kernels, heap } = native(backend)!;
    kernels.add(heap, 0, 8, 8, 8);
    return { version: opened.version };
  }
  useNative(backend, null);
  if (request === 'onednn') throw new Error(`the accelerator is missing: ${opened.reason}`);
  return { missing: opened.reason };
}

async function open(threads: number): Promise<OpenedAccelerator> {
  try {
    const { openAccelerator } = (await optionalPackage(
      '@lipsync/accelerator-onednn',
    )) as typeof import('@lipsync/accelerator-onednn');
    return openAccelerator({ threads });
  } catch (error) {
    return { kernels: null, reason: (error as Error).message };
  }
}
