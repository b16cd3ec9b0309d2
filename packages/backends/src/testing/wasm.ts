import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients'; // the Node bundle of tfjs-core has none
import { enableWasmTraining } from '../wasm/enable-wasm-training';
import type { WasmBackend } from '../wasm/heap';
import { startAccelerator } from '../wasm/start-accelerator';

/**
 * Starts the wasm backend with our kernels, one thread; on the accelerator where LIPSYNC_TEST_ACCELERATOR is 1, which
 * must then be built.
 */
export async function startWasm(): Promise<void> {
  const folder = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths(`${folder}/wasm-out/`);
  enableWasmTraining();
  await tf.setBackend('wasm');
  await tf.ready();
  if (process.env.LIPSYNC_TEST_ACCELERATOR === '1')
    await startAccelerator(tf.backend() as unknown as WasmBackend, 2, 'onednn');
}

/** Numbers of roughly unit variance, the same for the same seed. */
export function noise(count: number, seed: number): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length: count }, () => (next() + next() + next() + next() - 2) * 1.7);
}

/** A tensor of `noise`. */
export function noiseTensor<R extends tf.Rank = tf.Rank>(shape: number[], seed: number): tf.Tensor<R> {
  return tf.tensor(noise(tf.util.sizeFromShape(shape), seed), shape as never) as tf.Tensor<R>;
}

/** Runs `make` on cpu and on wasm and hands back the numbers of every tensor it returned. Leaves wasm set. */
export async function onBoth(make: () => tf.Tensor[]): Promise<{ cpu: Float32Array[]; wasm: Float32Array[] }> {
  const run = async (backend: string) => {
    await tf.setBackend(backend);
    const tensors = tf.tidy(make);
    const numbers = tensors.map((tensor) => Float32Array.from(tensor.dataSync()));
    tf.dispose(tensors);
    return numbers;
  };
  return { cpu: await run('cpu'), wasm: await run('wasm') };
}

/** Largest difference between two rows of numbers, over the largest expected number (at least 1). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let largest = 1;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= error)) error = difference; // keeps NaN
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return error / largest;
}

/** Tensors known to the engine, and entries of the wasm backend's own table. */
export function tensorCounts(): { tensors: number; dataIds: number } {
  return { tensors: tf.memory().numTensors, dataIds: tf.backend().numDataIds() };
}

/** Central differences of a scalar function of numbers. */
export function finiteDifferences(f: (x: Float32Array) => number, at: Float32Array, step = 1e-2): Float32Array {
  return at.map((_, i) => {
    const moved = Float32Array.from(at);
    moved[i] = at[i] + step;
    const above = f(moved);
    moved[i] = at[i] - step;
    return (above - f(moved)) / (2 * step);
  });
}
