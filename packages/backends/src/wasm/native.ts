import type { NativeKernels } from '@lipsync/accelerator-onednn';
import type { WasmBackend } from './heap';

type Native = { kernels: NativeKernels; heap: Float32Array };

const accelerated = new WeakMap<WasmBackend, Native>();

/** Makes this backend use the accelerator's kernels, where it has them; null returns to wasm. */
export function useNative(backend: WasmBackend, kernels: NativeKernels | null): void {
  if (kernels) accelerated.set(backend, { kernels, heap: new Float32Array(0) });
  else accelerated.delete(backend);
}

/**
 * The accelerator's kernels over this backend's heap, or null where there are none. Call it after the last allocation:
 * growing the heap moves it.
 */
export function native(backend: WasmBackend): Native | null {
  const found = accelerated.get(backend);
  if (!found) return null;
  const { buffer } = backend.wasm.HEAPU8;
  if (found.heap.buffer !== buffer) found.heap = new Float32Array(buffer as ArrayBuffer);
  return found;
}
