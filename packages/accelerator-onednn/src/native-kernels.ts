/**
 * The functions of the native module. `heap` is a Float32Array over the whole memory of the wasm backend, tensors are
 * byte addresses in it; each function checks that its tensors lie inside the heap. They are documented in native/*.h.
 */
export type NativeKernels = {
  /** Direction 0 writes `y`, with `bias` where its address is not 0; 1 writes `x`, 2 writes `filter`. NHWC, HWIO. */
  convolution(
    ...args: [
      direction: 0 | 1 | 2,
      heap: Float32Array,
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
      bottom: number,
      right: number,
      x: number,
      filter: number,
      y: number,
      bias: number,
    ]
  ): void;
  matMul(
    ...args: [
      heap: Float32Array,
      batchA: number,
      batchB: number,
      rows: number,
      inner: number,
      columns: number,
      transposeA: number,
      transposeB: number,
      a: number,
      b: number,
      y: number,
    ]
  ): void;
  groupNorm(
    ...args: [
      heap: Float32Array,
      batch: number,
      positions: number,
      channels: number,
      groups: number,
      epsilon: number,
      silu: number,
      x: number,
      gamma: number,
      beta: number,
      y: number,
      statistics: number,
    ]
  ): void;
  groupNormGradient(
    ...args: [
      heap: Float32Array,
      batch: number,
      positions: number,
      channels: number,
      groups: number,
      silu: number,
      x: number,
      gamma: number,
      beta: number,
      statistics: number,
      dy: number,
      dx: number,
      dgamma: number,
      dbeta: number,
    ]
  ): void;
  add(heap: Float32Array, count: number, a: number, b: number, y: number): void;
  /** Adds `row [columns]` to each row of `x [rows, columns]`. */
  addRow(heap: Float32Array, rows: number, columns: number, x: number, row: number, y: number): void;
  columnSums(heap: Float32Array, rows: number, columns: number, x: number, y: number): void;
  sumOfSquares(heap: Float32Array, count: number, x: number, y: number): void;
  square(heap: Float32Array, count: number, x: number, y: number): void;
  relu(heap: Float32Array, count: number, x: number, y: number): void;
  adamW(
    ...args: [
      heap: Float32Array,
      count: number,
      beta1: number,
      beta2: number,
      epsilon: number,
      stepSize: number,
      decay: number,
      parameter: number,
      gradient: number,
      first: number,
      second: number,
      newParameter: number,
      newFirst: number,
      newSecond: number,
    ]
  ): void;
  /** Sets the number of threads that calls from this thread use, and returns it; 0 only returns it. */
  threads(count: number): number;
  /** Version of the oneDNN library. */
  version(): string;
};
