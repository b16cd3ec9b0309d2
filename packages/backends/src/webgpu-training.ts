import * as tf from '@tensorflow/tfjs-core';
import type { KernelFunc } from '@tensorflow/tfjs-core';
import { FUSED_KERNELS } from '@lipsync/contracts';
import { GROUP_NORM_GRADIENT } from './enable-wasm-training';
import { webgpuFilterGradient, type StockFilterGradient } from './webgpu-filter-gradient';
import { webgpuGroupNorm } from './webgpu-group-norm';
import { webgpuGroupNormGradient } from './webgpu-group-norm-gradient';

/**
 * Puts a filter gradient that suits graphics processors in the place of tfjs-backend-webgpu's, and adds the fused GroupNorm of
 * `FUSED_KERNELS`.
 *
 * Call it after `@tensorflow/tfjs-backend-webgpu` was imported. Calling it again does nothing. `selectBackend` does it for `webgpu`.
 *
 * @throws Error if `@tensorflow/tfjs-backend-webgpu` has not registered its kernels.
 * @example
 * import '@tensorflow/tfjs-backend-webgpu';
 * enableWebgpuTraining();
 * await tf.setBackend('webgpu');
 */
export function enableWebgpuTraining(): void {
  const stock = tf.getKernel('Conv2DBackpropFilter', 'webgpu');
  if (!stock) {
    throw new Error(
      "enableWebgpuTraining: the kernels of @tensorflow/tfjs-backend-webgpu must be registered, got none; import '@tensorflow/tfjs-backend-webgpu' first",
    );
  }
  if (tf.getKernel(FUSED_KERNELS.groupNorm, 'webgpu')) return;
  tf.unregisterKernel('Conv2DBackpropFilter', 'webgpu');
  const run = webgpuFilterGradient(stock.kernelFunc as unknown as StockFilterGradient);
  tf.registerKernel({ ...stock, kernelFunc: run as unknown as KernelFunc });
  tf.registerKernel({ kernelName: FUSED_KERNELS.groupNorm, backendName: 'webgpu', kernelFunc: webgpuGroupNorm as unknown as KernelFunc });
  tf.registerKernel({ kernelName: FUSED_KERNELS.groupNormGrad, backendName: 'webgpu', kernelFunc: webgpuGroupNormGradient as unknown as KernelFunc });
  if (!tf.getGradient(FUSED_KERNELS.groupNorm)) tf.registerGradient(GROUP_NORM_GRADIENT);
}
