import type { WasmBackend } from '../heap';
import { OWN_MEMORY, SHARED_MEMORY } from './simd-binary';

/** The functions of simd/kernels.ts; pointers are byte addresses in the backend's heap. They are documented there. */
export type SimdKernels = {
  groupNorm(
    ...args: [
      x: number,
      gamma: number,
      beta: number,
      y: number,
      statistics: number,
      scratch: number,
      first: number,
      last: number,
      positions: number,
      channels: number,
      groups: number,
      epsilon: number,
      silu: number,
    ]
  ): void;
  groupNormGradient(
    ...args: [
      x: number,
      gamma: number,
      beta: number,
      statistics: number,
      dy: number,
      dx: number,
      totals: number,
      scratch: number,
      first: number,
      last: number,
      positions: number,
      channels: number,
      groups: number,
      silu: number,
    ]
  ): void;
  columnSums(x: number, out: number, scratch: number, rows: number, columns: number): void;
  filterGradient(
    ...args: [
      x: number,
      dy: number,
      out: number,
      batch: number,
      inHeight: number,
      inWidth: number,
      inChannels: number,
      outHeight: number,
      outWidth: number,
      outChannels: number,
      filterHeight: number,
      filterWidth: number,
      strideHeight: number,
      strideWidth: number,
      top: number,
      left: number,
      firstChannel: number,
      lastChannel: number,
    ]
  ): void;
  adamW(
    ...args: [
      parameter: number,
      gradient: number,
      first: number,
      second: number,
      newParameter: number,
      newFirst: number,
      newSecond: number,
      keep1: number,
      keep2: number,
      epsilon: number,
      step: number,
      decay: number,
      from: number,
      to: number,
    ]
  ): void;
  sumOfSquares(x: number, count: number): number;
  winogradFilter(w: number, u: number, inChannels: number, outChannels: number, first: number, last: number): void;
  winogradConvolve(
    ...args: [
      x: number,
      u: number,
      y: number,
      scratch: number,
      room: number,
      firstSample: number,
      lastSample: number,
      inHeight: number,
      inWidth: number,
      inChannels: number,
      outHeight: number,
      outWidth: number,
      outChannels: number,
      top: number,
      left: number,
    ]
  ): void;
  winogradGather(
    ...args: [
      x: number,
      dy: number,
      s: number,
      scratch: number,
      room: number,
      firstSample: number,
      lastSample: number,
      inHeight: number,
      inWidth: number,
      inChannels: number,
      outHeight: number,
      outWidth: number,
      outChannels: number,
      top: number,
      left: number,
    ]
  ): void;
  winogradFilterGradient(
    s: number,
    out: number,
    parts: number,
    inChannels: number,
    outChannels: number,
    first: number,
    last: number,
  ): void;
};

const loaded = new WeakMap<WasmBackend, SimdKernels | null>();

function decode(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

/** The backend's memory and the module that fits it; null where the backend does not expose its memory. */
function ingredients(backend: WasmBackend): { memory: WebAssembly.Memory; bytes: Uint8Array<ArrayBuffer> } | null {
  const memory = backend.wasm.wasmMemory ?? backend.wasm.asm?.memory;
  if (!memory) return null;
  const shared = typeof SharedArrayBuffer === 'function' && memory.buffer instanceof SharedArrayBuffer;
  return { memory, bytes: decode(shared ? SHARED_MEMORY : OWN_MEMORY) };
}

/**
 * Loads the SIMD kernels ahead of time. Browsers may refuse synchronous compilation on the page's thread; there this is
 * the only way to get them.
 */
export async function prepareSimd(backend: WasmBackend): Promise<void> {
  const parts = ingredients(backend);
  if (!parts || loaded.get(backend)) return;
  try {
    const { instance } = await WebAssembly.instantiate(parts.bytes, { env: { memory: parts.memory } });
    loaded.set(backend, instance.exports as unknown as SimdKernels);
  } catch {
    loaded.set(backend, null); // no SIMD here: the kernels use plain loops
  }
}

/**
 * The SIMD kernels over this backend's heap, or null where they are not available; the caller then loops in JavaScript.
 */
export function simdKernels(backend: WasmBackend): SimdKernels | null {
  const known = loaded.get(backend);
  if (known !== undefined) return known;
  let kernels: SimdKernels | null = null;
  try {
    const parts = ingredients(backend);
    if (parts) {
      const instance = new WebAssembly.Instance(new WebAssembly.Module(parts.bytes), { env: { memory: parts.memory } });
      kernels = instance.exports as unknown as SimdKernels;
    }
  } catch {
    // As in prepareSimd.
  }
  loaded.set(backend, kernels);
  return kernels;
}

/** The compiled module where this backend's memory can be shared between threads, else null. */
export function sharedSimdModule(backend: WasmBackend): WebAssembly.Module | null {
  const shared =
    typeof SharedArrayBuffer === 'function' && backend.wasm.wasmMemory?.buffer instanceof SharedArrayBuffer;
  return shared && simdKernels(backend) ? new WebAssembly.Module(decode(SHARED_MEMORY)) : null;
}
