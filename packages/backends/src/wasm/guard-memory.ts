import type { DataType, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { WasmBackend } from './heap';

/** Of all builds of tfjs-backend-wasm 4.22.0, MiB. */
const HEAP_LIMIT_MIB = 4096;

/**
 * The bits of a signalling NaN. Arithmetic never gives one, so the kernel did not write an output whose first and last
 * elements still hold it.
 */
const UNWRITTEN = 0x7fa1e557;

/** Data types whose elements have 4 bytes. */
const WORDS: readonly DataType[] = ['float32', 'int32'];

/**
 * The input that XNNPACK packs into memory of its own at the first call, and how many times its size that takes: the
 * packed form stays until the input is freed; convolutions also transpose it on the way.
 */
const PACKED: Readonly<Record<string, readonly [input: string, times: number]>> = {
  Conv2D: ['filter', 2],
  FusedConv2D: ['filter', 2],
  DepthwiseConv2dNative: ['filter', 2],
  FusedDepthwiseConv2D: ['filter', 2],
  BatchMatMul: ['b', 1],
  _FusedMatMul: ['b', 1],
};

/** Bytes kept free for the small blocks that the kernels' C++ allocates without checking the result. */
const RESERVE = 2 * 2 ** 20;

/** Size of the heap from which on the reserve is checked, bytes. */
const NEARLY_FULL = 3840 * 2 ** 20;

type Inputs = Record<string, TensorInfo>;

const mebibytes = (bytes: number, digits = 1) => (bytes / 2 ** 20).toFixed(digits);

const heapMebibytes = ({ wasm }: WasmBackend) => mebibytes(wasm.HEAPU8.length, 0);

function outOfMemory(backend: WasmBackend, bytes: number, what: string): Error {
  return new Error(
    `wasm backend: out of memory, no room for ${what} (${mebibytes(bytes)} MiB) beside ` +
      `${heapMebibytes(backend)} MiB of heap (tensors take ${mebibytes(tf.memory().numBytes)} MiB; ` +
      `the limit is ${HEAP_LIMIT_MIB} MiB); use a smaller batch or a smaller network, look for tensors ` +
      'that are never disposed, or take a backend without this limit (tfjs-node, webgpu)',
  );
}

const guarded = new WeakSet<WasmBackend>();

/** What happened to backends whose memory cannot be trusted any more. */
const broken = new WeakMap<WasmBackend, string>();

function brokenBackend(backend: WasmBackend): Error {
  return new Error(
    `wasm backend: ${broken.get(backend)}, probably out of memory (heap of ${heapMebibytes(backend)} MiB, ` +
      `the limit is ${HEAP_LIMIT_MIB} MiB): its memory cannot be trusted any more; start a new process, ` +
      'or remove and set the backend again, with a smaller batch or network',
  );
}

/** Data ids that the running kernel has allocated, to be freed where it fails; null between kernels. */
let made: object[] | null = null;

/** Throws where there is no room to pack the running kernel's filter; called once its output is allocated. */
let checkPacking: (() => void) | null = null;

/** The memory of a tensor of 4-byte elements; valid until the heap grows. */
function wordsOf(backend: WasmBackend, { memoryOffset, shape }: { memoryOffset: number; shape: number[] }): Int32Array {
  return new Int32Array(backend.wasm.HEAPU8.buffer, memoryOffset, tf.util.sizeFromShape(shape));
}

/**
 * Turns running out of wasm memory into a clear error where a tensor is allocated.
 *
 * tfjs-backend-wasm does not check the result of `malloc`: at the 4 GiB limit a tensor gets address 0, and the next
 * kernel fails with "memory access out of bounds" or computes wrong values. This replaces `move`, which makes every
 * allocation. A kernel's outputs are marked as unwritten, see `guardKernel`.
 */
export function guardAllocations(backend: WasmBackend): void {
  if (guarded.has(backend)) return;
  guarded.add(backend);
  const original = backend.move;
  backend.move = function (dataId, values, shape, dtype, refCount) {
    if (dtype === 'string') return original.call(this, dataId, values, shape, dtype, refCount);
    const size = tf.util.sizeFromShape(shape);
    const bytes = size * tf.util.bytesPerElement(dtype);
    // malloc returns a signed integer, negative above 2 GiB.
    const memoryOffset = this.wasm._malloc(bytes) >>> 0;
    if (bytes > 0 && !(liesInHeap(this, memoryOffset, bytes) && hasRoom(this, []))) {
      if (memoryOffset !== 0 && !broken.has(this)) this.wasm._free(memoryOffset);
      throw outOfMemory(this, bytes, `a tensor of shape [${shape.join(', ')}]`);
    }
    try {
      checkPacking?.();
    } catch (error) {
      this.wasm._free(memoryOffset);
      throw error;
    }
    const id = this.dataIdNextNumber++;
    this.dataIdMap.set(dataId, { id, memoryOffset, shape, dtype, refCount });
    this.wasm.tfjs.registerTensor(id, size, memoryOffset);
    made?.push(dataId);
    if (values != null) {
      this.wasm.HEAPU8.set(new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, bytes), memoryOffset);
    } else if (size > 0 && WORDS.includes(dtype)) {
      const words = wordsOf(this, { memoryOffset, shape });
      words[0] = words[size - 1] = UNWRITTEN;
    }
  };
}

/**
 * A kernel that throws where the heap is full, instead of returning wrong values. `packs` is true for the stock
 * kernels; ours pack nothing.
 *
 * XNNPACK keeps copies of filters and matrices on the same heap. Where it finds no room, the stock kernel prints a
 * status, leaves its output unwritten and returns normally; other code aborts or writes out of bounds. So the room for
 * those copies is checked before (once for each filter), and an output that was not written is an error. What a failed
 * kernel has allocated is freed, and the backend stays usable. After an abort, or a block of `malloc` beyond the end of
 * the heap, it does not: every later kernel is an error too.
 */
export function guardKernel(name: string, kernel: KernelFunc, { packs }: { packs: boolean }): KernelFunc {
  const packed = packs ? PACKED[name] : undefined;
  return (args) => {
    const backend = args.backend as unknown as WasmBackend;
    if (!guarded.has(backend)) return kernel(args);
    if (broken.has(backend)) throw brokenBackend(backend);
    const [outer, outerCheck] = [made, checkPacking];
    made ??= [];
    checkPacking = packed ? () => assertRoomToPack(backend, name, packed, args.inputs as Inputs) : null;
    try {
      return run(name, kernel, args, backend);
    } catch (error) {
      if (!outer) for (const dataId of made) backend.disposeData(dataId);
      throw error;
    } finally {
      made = outer;
      checkPacking = outerCheck;
    }
  };
}

function run(name: string, kernel: KernelFunc, args: Parameters<KernelFunc>[0], backend: WasmBackend) {
  let result: ReturnType<KernelFunc>;
  try {
    result = kernel(args);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    // The heap itself may be damaged: C++ has written through the null pointer that it got for memory.
    const { what, bytes } = described(name, args.inputs as Inputs);
    broken.set(backend, `${what}, which works on ${mebibytes(bytes)} MiB, ended with "${error.message}"`);
    throw brokenBackend(backend);
  }
  for (const output of Array.isArray(result) ? result : [result]) {
    if (!isUnwritten(backend, output)) continue;
    const { what, bytes } = described(name, args.inputs as Inputs);
    throw outOfMemory(backend, bytesOf(output) + bytes, what);
  }
  return result;
}

/** A kernel with the shapes of its inputs, and their size. */
function described(name: string, inputs: Inputs): { what: string; bytes: number } {
  const given = Object.values(inputs).filter((input) => input !== undefined && input !== null);
  return {
    what: `kernel ${name} of [${given.map(({ shape }) => shape.join(', ')).join('] and [')}]`,
    bytes: given.reduce((sum, input) => sum + bytesOf(input), 0),
  };
}

const bytesOf = ({ shape, dtype }: TensorInfo) => tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype);

function isUnwritten(backend: WasmBackend, { dataId }: TensorInfo): boolean {
  const record = backend.dataIdMap.get(dataId);
  if (!record || !WORDS.includes(record.dtype)) return false;
  const words = wordsOf(backend, record);
  return words[0] === UNWRITTEN && words[words.length - 1] === UNWRITTEN;
}

/** Data ids of the inputs for which there was room to pack: they are packed once. */
const packable = new WeakSet<object>();

function assertRoomToPack(
  backend: WasmBackend,
  name: string,
  [input, times]: readonly [string, number],
  inputs: Inputs,
): void {
  const packed = inputs[input];
  if (packable.has(packed.dataId)) return;
  const bytes = bytesOf(packed);
  // Alignment, biases and channels that fill vectors: measured below 64 KiB for 1024 channels.
  const block = bytes + Math.max(65_536, bytes / 64);
  if (!hasRoom(backend, Array(times).fill(block))) {
    throw outOfMemory(
      backend,
      times * bytes,
      `a packed copy of the ${input} [${packed.shape.join(', ')}] of kernel ${name}`,
    );
  }
  packable.add(packed.dataId);
}

/**
 * Whether blocks of these sizes can be allocated together and leave the reserve. It allocates and frees them, so the
 * heap grows now instead of in the kernel.
 */
function hasRoom(backend: WasmBackend, sizes: number[]): boolean {
  const { wasm } = backend;
  const blocks = wasm.HEAPU8.length < NEARLY_FULL ? sizes : [...sizes, RESERVE];
  const addresses = blocks.map((bytes) => wasm._malloc(bytes) >>> 0);
  const fits = blocks.every((bytes, i) => bytes === 0 || liesInHeap(backend, addresses[i], bytes));
  if (!broken.has(backend)) for (const address of addresses) if (address !== 0) wasm._free(address);
  return fits;
}

/**
 * Whether `malloc` gave a block that can be used. Near 4 GiB it gives blocks that reach beyond the end of the memory:
 * addresses start from 0 again there, so that `malloc`'s own headers have overwritten other data.
 */
function liesInHeap(backend: WasmBackend, address: number, bytes: number): boolean {
  if (address === 0) return false;
  const inside = address + bytes <= backend.wasm.HEAPU8.length;
  if (!inside) broken.set(backend, `malloc gave ${mebibytes(bytes)} MiB beyond the end of the heap`);
  return inside;
}
