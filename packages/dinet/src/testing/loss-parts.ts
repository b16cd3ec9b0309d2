import { enableWasmTraining } from '@lipsync/backends';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { formulaNumbers } from '../../../../tests/support/formula-weights';

/** Selects wasm with one thread and its training kernels, and registers all gradients. */
export async function useWasm(): Promise<void> {
  enableWasmTraining();
  await tf.setBackend('wasm');
  await tf.ready();
  registerGradients();
}

/** Number of tensors in memory. */
export const tensors = () => tf.memory().numTensors;

/** A tensor of `formulaNumbers`, of any rank, in our axis order. The caller disposes it. */
export function made(name: string, shape: number[], low = 0, high = 1): tf.Tensor {
  const length = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(formulaNumbers(name, length, low, high), shape);
}
