import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, test, vi } from 'vitest';
import { type GpuAdapter, startWebgpu } from './start-webgpu';

afterEach(() => vi.unstubAllGlobals());

/** A page whose WebGPU has this adapter. */
function page(adapter: GpuAdapter | null): void {
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } });
}

test('without a graphics processor the error names the Vulkan loader', async () => {
  page(null);
  await expect(startWebgpu({ allowSoftware: false })).rejects.toThrow(
    'WebGPU finds no graphics processor (in Node: install the Vulkan loader, libvulkan1',
  );
});

test('a software adapter is refused by its name unless it is allowed', async () => {
  page({ info: { vendor: 'google', description: 'SwiftShader Device' } });
  await expect(startWebgpu({ allowSoftware: false })).rejects.toThrow(
    'the only WebGPU adapter is software (SwiftShader Device)',
  );
  await expect(startWebgpu({ allowSoftware: true })).rejects.toThrow(
    'the package @tensorflow/tfjs-backend-webgpu is not installed',
  );
});

test('a registered webgpu backend is set with our kernels, and its adapter is named', async () => {
  page({ info: { vendor: 'nvidia', architecture: 'hopper', description: '' } });
  for (const kernelName of ['Conv2DBackpropFilter', 'Conv2DBackpropInput', 'AddN']) {
    tf.registerKernel({
      kernelName,
      backendName: 'webgpu',
      kernelFunc: () => ({ dataId: {}, shape: [], dtype: 'float32' }),
    });
  }
  tf.registerBackend('webgpu', () => ({ dispose() {}, floatPrecision: () => 32, epsilon: () => 1e-7 }) as never);
  try {
    expect(await startWebgpu({ allowSoftware: false })).toBe('hopper');
    expect(tf.getBackend()).toBe('webgpu');
    expect(tf.getKernel(FUSED_KERNELS.groupNorm, 'webgpu')).toBeDefined();
  } finally {
    tf.removeBackend('webgpu');
  }
});
