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
