import { enableWasmTraining } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';

/** Selects wasm with one thread and its training kernels: the plain cpu backend is thirty times slower. */
export async function useWasm(): Promise<void> {
  enableWasmTraining();
  await tf.setBackend('wasm');
  await tf.ready();
}

/** Number of tensors in memory. */
export const tensors = () => tf.memory().numTensors;

/** A tensor in NHWC of values in PyTorch's NCHW. */
export function fromTorch(data: ArrayLike<number>, [batch, channels, height, width]: number[]): tf.Tensor4D {
  return tf.tidy(() =>
    tf.transpose(tf.tensor4d(Float32Array.from(data), [batch, channels, height, width]), [0, 2, 3, 1]),
  );
}

/** The largest difference between two lists. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  let largest = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs(a[index] - b[index]);
    if (!(difference <= largest)) largest = difference; // NaN counts
  }
  return largest;
}
