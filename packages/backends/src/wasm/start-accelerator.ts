import type { OpenedAccelerator } from '@lipsync/accelerator-onednn';
import { optionalPackage } from '../select/optional-package';
import type { WasmBackend } from './heap';
import { native, useNative } from './native';

/** 'auto' uses the accelerator where it is built, 'onednn' throws where it is not, 'none' does not use it. */
export type AcceleratorChoice = (typeof ACCELERATOR_CHOICES)[number];

export const ACCELERATOR_CHOICES = ['auto', 'onednn', 'none'] as const;

/**
 * Makes the wasm backend use the kernels of `@lipsync/accelerator-onednn`, where that package is installed and built.
 * Node only.
 *
 * @returns its version, or why it is missing; null for the choice 'none'.
 * @throws Error for the choice 'onednn' where it is missing.
 */
export async function startAccelerator(
  backend: WasmBackend,
  threads: number,
  choice: AcceleratorChoice,
): Promise<{ version: string } | { missing: string } | null> {
  if (choice === 'none') {
    useNative(backend, null);
    return null;
  }
  const opened = await open(threads);
  if (opened.kernels) {
    useNative(backend, opened.kernels);
    // A call that fails here, not during training, where native code cannot read the heap.
    const { kernels, heap } = native(backend)!;
    kernels.add(heap, 0, 8, 8, 8);
    return { version: opened.version };
  }
  useNative(backend, null);
  if (choice === 'onednn') throw new Error(`the accelerator is missing: ${opened.reason}`);
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
