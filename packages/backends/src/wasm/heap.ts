import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';

/** An entry of the wasm backend's tensor table. */
type TensorRecord = {
  id: number;
  memoryOffset: number;
  shape: number[];
  dtype: DataType;
  refCount: number;
  stringBytes?: Uint8Array[];
};

/**
 * The parts of tfjs-backend-wasm's `BackendWasm` that our kernels use. Some are private in it; the package is pinned to
 * 4.22.0, and `enableWasmTraining` checks that they exist.
 */
export interface WasmBackend {
  dataIdMap: {
    get(dataId: object): TensorRecord;
    set(dataId: object, record: TensorRecord): void;
    delete(dataId: object): boolean;
  };
  dataIdNextNumber: number;
  wasm: {
    _malloc(bytes: number): number;
    HEAPU8: Uint8Array;
    _free(address: number): void;
    /** The memory, in the build without threads. */
    asm?: { memory?: WebAssembly.Memory };
    /** The memory, in the threaded build. */
    wasmMemory?: WebAssembly.Memory;
    tfjs: {
      registerTensor(id: number, size: number, memoryOffset: number): void;
      disposeData(id: number): void;
      getThreadsCount(): number;
    };
  };
  makeOutput(shape: number[], dtype: DataType): TensorInfo;
  typedArrayFromHeap(tensor: TensorInfo): Float32Array | Int32Array | Uint8Array;
  disposeData(dataId: object): boolean;
  incRef(dataId: object): void;
  move(dataId: object, values: ArrayBufferView | null, shape: number[], dtype: DataType, refCount: number): void;
}

/** A view of a float32 tensor's values. Get it after the last allocation: growing the heap detaches older views. */
export function floats(backend: WasmBackend, tensor: TensorInfo): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** A new float32 tensor on the heap; its contents are undefined. */
export function allocate(backend: WasmBackend, shape: number[]): TensorInfo {
  return backend.makeOutput(shape, 'float32');
}

/** Byte address of a tensor on the heap. */
export function address(backend: WasmBackend, tensor: TensorInfo): number {
  return backend.dataIdMap.get(tensor.dataId).memoryOffset;
}

/** Frees a tensor made by `allocate` or returned by a kernel. */
export function release(backend: WasmBackend, tensor: TensorInfo): void {
  backend.disposeData(tensor.dataId);
}

/** The same data with another shape; nothing to free. */
export function reshaped(tensor: TensorInfo, shape: number[]): TensorInfo {
  return { dataId: tensor.dataId, shape, dtype: tensor.dtype };
}

/** A view of another tensor's memory, from `offset` elements on. Free it with `releaseView`, never with `release`. */
export function view(backend: WasmBackend, tensor: TensorInfo, offset: number, shape: number[]): TensorInfo {
  const id = backend.dataIdNextNumber++;
  const dataId = { id };
  const memoryOffset = backend.dataIdMap.get(tensor.dataId).memoryOffset + offset * 4;
  backend.dataIdMap.set(dataId, { id, memoryOffset, shape, dtype: tensor.dtype, refCount: 1 });
  backend.wasm.tfjs.registerTensor(id, tf.util.sizeFromShape(shape), memoryOffset);
  return { dataId, shape, dtype: tensor.dtype };
}

/** Frees a view and the operators that XNNPACK has cached for it; the memory stays with its owner. */
export function releaseView(backend: WasmBackend, tensor: TensorInfo): void {
  backend.wasm.tfjs.disposeData(backend.dataIdMap.get(tensor.dataId).id);
  backend.dataIdMap.delete(tensor.dataId);
}

const guarded = new WeakSet<WasmBackend>();

/**
 * Turns running out of wasm memory into a clear error.
 *
 * tfjs-backend-wasm does not check the result of `malloc`: at the 4 GiB limit a tensor gets address 0, and the next
 * kernel fails with "memory access out of bounds" or computes wrong values. This replaces `move`, which makes every
 * allocation.
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
    if (memoryOffset === 0 && bytes > 0) {
      throw new Error(
        `wasm backend: out of memory, no room for a tensor of shape [${shape.join(', ')}] (${(bytes / 2 ** 20).toFixed(1)} MiB) ` +
          `beside ${(this.wasm.HEAPU8.length / 2 ** 20).toFixed(0)} MiB of heap (the limit is 4096 MiB); ` +
          'use a smaller batch, or look for tensors that are never disposed',
      );
    }
    const id = this.dataIdNextNumber++;
    this.dataIdMap.set(dataId, { id, memoryOffset, shape, dtype, refCount });
    this.wasm.tfjs.registerTensor(id, size, memoryOffset);
    if (values != null) {
      this.wasm.HEAPU8.set(new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, bytes), memoryOffset);
    }
  };
}
