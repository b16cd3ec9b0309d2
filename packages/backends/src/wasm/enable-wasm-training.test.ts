import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { startWasm } from '../testing/wasm';
import { enableWasmTraining } from './enable-wasm-training';

test('enableWasmTraining registers its kernels once', async () => {
  await startWasm();
  const kernels = ['Conv2DBackpropFilter', 'UnsortedSegmentSum', FUSED_KERNELS.groupNorm, FUSED_KERNELS.groupNormGrad];
  const before = kernels.map((name) => tf.getKernel(name, 'wasm').kernelFunc);
  expect(before.every((run) => typeof run === 'function')).toBe(true);
  enableWasmTraining();
  expect(kernels.map((name) => tf.getKernel(name, 'wasm').kernelFunc)).toEqual(before);
});
