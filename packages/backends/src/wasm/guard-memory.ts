import type { DataType, KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { WasmBackend } from './heap';

/** Of all builds of tfjs-backend-wasm 4.22.0, MiB. */
const HEAP_LIMIT_MIB = 4096;

/**
 * The bits of a signalling NaN. Arithmetic never gives one, so an output whose ends still hold it was never written:
 * the kernel gave up.
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

/** Kept free for the small blocks that the kernels' C++ allocates without looking whether it got them. */
const RESERVE = 2 * 2 ** 20;

/** Heap size from which on the reserve is looked after, bytes. */
const NEARLY_FULL = 3840 * 2 ** 20;

type Inputs = Record<string, TensorInfo>;

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

function outOfMemory({ wasm }: WasmBackend, bytes: number, what: string): Error {
  const heap = (wasm.HEAPU8.length / 2 ** 20).toFixed(0);
  return new Error(
    `wasm backend: out of memory, no room for ${what} (${mebibytes(bytes)} MiB) beside ${heap} MiB of heap ` +
      `(tensors take ${mebibytes(tf.memory().numBytes)} MiB; the limit is ${HEAP_LIMIT_MIB} MiB); use a smaller batch ` +
      'or a smaller network, look for tensors that are never disposed, or take a backend without this limit ' +
      '(tfjs-node, webgpu)',
  );
}

const guarded = new WeakSet<WasmBackend>();

/** What happened to backends whose values cannot be trusted any more. */
const broken = new WeakMap<WasmBackend, string>();

function brokenBackend(backend: WasmBackend): Error {
  const heap = (backend.wasm.HEAPU8.length / 2 ** 20).toFixed(0);
  return new Error(
    `wasm backend: ${broken.get(backend)}, probably out of memory (heap of ${heap} MiB, ` +
      `the limit is ${HEAP_LIMIT_MIB} MiB): its memory cannot be trusted any more; start a new process, ` +
      'or remove and set the backend again, with a smaller batch or network',
  );
}

/** What the kernel that runs now has allocated, to be freed where it fails; null between kernels. */
let made: object[] | null = null;

/** Whether there is room to pack a filter: asked once a kernel's output has taken its part; null elsewhere. */
let checkPacking: (() => void) | null = null;

let words = new Int32Array(0);

/** The first and the last word of a tensor's memory. */
function ends(backend: WasmBackend, { memoryOffset, shape }: { memoryOffset: number; shape: number[] }) {
  const { buffer } = backend.wasm.HEAPU8;
  if (words.buffer !== buffer) words = new Int32Array(buffer as ArrayBuffer);
  const first = memoryOffset / 4; // memory of tensors is aligned
  return [first, first + tf.util.sizeFromShape(shape) - 1] as const;
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
      for (const at of ends(this, { memoryOffset, shape })) words[at] = UNWRITTEN;
    }
  };
}

/**
 * A kernel that never gives nonsense where the heap is full; `packs` for the stock kernels, ours pack nothing.
 *
 * XNNPACK keeps copies of filters and matrices on the same heap. Where it finds no room, the stock kernel prints a
 * status, leaves its output as it was and returns as if all were well; other code aborts or writes out of bounds. So
 * the room for those copies is checked before (once for each filter), and an output that was not written is an error.
 * What a failed kernel has allocated is freed, and the backend can be used on. After an abort, or where `malloc`
 * overflowed, it cannot: every later kernel is an error too.
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
  const given = () => Object.values(args.inputs).filter((input) => input !== undefined && input !== null);
  const shapes = () =>
    `kernel ${name} of [${given()
      .map(({ shape }) => shape.join(', '))
      .join('] and [')}]`;
  let result: ReturnType<KernelFunc>;
  try {
    result = kernel(args);
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    // The heap itself may be damaged: C++ has written through the null pointer that it got for memory.
    const sizes = `which works on ${mebibytes(given().reduce((sum, input) => sum + bytesOf(input), 0))} MiB`;
    broken.set(backend, `${shapes()}, ${sizes}, ended with "${error.message}"`);
    throw brokenBackend(backend);
  }
  for (const output of Array.isArray(result) ? result : [result]) {
    if (isUnwritten(backend, output))
      throw outOfMemory(backend, bytesOf(output) + given().reduce((sum, input) => sum + bytesOf(input), 0), shapes());
  }
  return result;
}

const bytesOf = ({ shape, dtype }: TensorInfo) => tf.util.sizeFromShape(shape) * tf.util.bytesPerElement(dtype);

function isUnwritten(backend: WasmBackend, { dataId, dtype }: TensorInfo): boolean {
  if (!WORDS.includes(dtype)) return false;
  const record = backend.dataIdMap.get(dataId);
  if (!record || tf.util.sizeFromShape(record.shape) === 0) return false;
  const [first, last] = ends(backend, record);
  return words[first] === UNWRITTEN && words[last] === UNWRITTEN;
}

/** Inputs for which there was room to pack. */
const roomy = new WeakSet<object>();

function assertRoomToPack(
  backend: WasmBackend,
  name: string,
  [input, times]: readonly [string, number],
  inputs: Inputs,
): void {
  const packed = inputs[input];
  if (roomy.has(packed.dataId)) return;
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
  roomy.add(packed.dataId);
}

/**
 * Whether blocks of these sizes can be allocated together and leave the reserve. The heap grows by them, as it would a
 * moment later.
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
 * Whether `malloc` gave a block that can be used. Near 4 GiB the threaded build gives blocks that reach beyond the end
 * of the memory: there addresses start from 0 again, and `malloc` has written its notes into what others keep there.
 */
function liesInHeap(backend: WasmBackend, address: number, bytes: number): boolean {
  if (address === 0) return false;
  const inside = address + bytes <= backend.wasm.HEAPU8.length;
  if (!inside) broken.set(backend, `malloc gave ${mebibytes(bytes)} MiB beyond the end of the heap`);
  return inside;
}
