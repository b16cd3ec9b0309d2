import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { enableWebgpuTraining } from './webgpu-training';

const STOCK = ['Conv2DBackpropFilter', 'Conv2DBackpropInput', 'AddN'];
const registered = () =>
  [...STOCK, ...Object.values(FUSED_KERNELS)].map((name) => tf.getKernel(name, 'webgpu')?.kernelFunc);

test('without tfjs-backend-webgpu the error names the import', () => {
  expect(enableWebgpuTraining).toThrow("import '@tensorflow/tfjs-backend-webgpu' first");
});

test('kernels are replaced and added once, and the fused GroupNorm can be differentiated', () => {
  const stock = () => ({ dataId: {}, shape: [], dtype: 'float32' as const });
  for (const kernelName of STOCK) tf.registerKernel({ kernelName, backendName: 'webgpu', kernelFunc: stock });
  enableWebgpuTraining();
  const first = registered();
  expect(first).not.toContain(stock);
  expect(tf.getKernel(FUSED_KERNELS.groupNorm, 'webgpu')).toBeDefined();
  expect(tf.getKernel(FUSED_KERNELS.groupNormGrad, 'webgpu')).toBeDefined();
  expect(tf.getGradient(FUSED_KERNELS.groupNorm)).toBeDefined();
  enableWebgpuTraining();
  expect(registered()).toEqual(first);
});
