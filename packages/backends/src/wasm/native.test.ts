import type { NativeKernels } from '@lipsync/accelerator-onednn';
import { expect, test } from 'vitest';
import type { WasmBackend } from './heap';
import { native, useNative } from './native';

const backend = () => ({ wasm: { HEAPU8: new Uint8Array(64) } }) as unknown as WasmBackend;

test('native returns null before useNative sets kernels, and after it removes them', () => {
  const [one, other] = [backend(), backend()];
  expect(native(one)).toBeNull();
  useNative(one, {} as NativeKernels);
  expect(native(one)?.heap).toHaveLength(16);
  expect(native(other)).toBeNull();
  useNative(one, null);
  expect(native(one)).toBeNull();
});

test('the view follows the heap when it grows', () => {
  const grown = backend();
  useNative(grown, {} as NativeKernels);
  const before = native(grown)!.heap;
  expect(native(grown)!.heap).toBe(before);
  grown.wasm.HEAPU8 = new Uint8Array(128);
  expect(native(grown)!.heap.buffer).toBe(grown.wasm.HEAPU8.buffer);
});
