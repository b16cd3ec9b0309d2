import { FUSED_KERNELS } from '@lipsync/nn';
import type { KernelFunc } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { GROUP_NORM_GRADIENT } from '../wasm/enable-wasm-training';
import { webgpuAddN } from './webgpu-add-n';
import { webgpuFilterGradient } from './webgpu-filter-gradient';
import { webgpuGroupNorm } from './webgpu-group-norm';
import { webgpuGroupNormGradient } from './webgpu-group-norm-gradient';
import { webgpuInputGradient } from './webgpu-input-gradient';

/** Kernels that replace the stock ones, and call them where these are as fast. */
const REPLACED = {
  Conv2DBackpropFilter: webgpuFilterGradient,
  Conv2DBackpropInput: webgpuInputGradient,
  AddN: webgpuAddN,
};

const ADDED = { [FUSED_KERNELS.groupNorm]: webgpuGroupNorm, [FUSED_KERNELS.groupNormGrad]: webgpuGroupNormGradient };

/**
 * Makes the WebGPU backend ready for training: tiled gradients of convolutions, sums of any number of tensors, which
 * tfjs-backend-webgpu 4.22.0 does not support, and the fused GroupNorm of `FUSED_KERNELS`.
 *
 * Call it after importing `@tensorflow/tfjs-backend-webgpu`. Calling it again does nothing. `selectBackend` calls it
 * for `webgpu`.
 *
 * @throws Error if `@tensorflow/tfjs-backend-webgpu` has not registered its kernels.
 * @example
 * import '@tensorflow/tfjs-backend-webgpu';
 * enableWebgpuTraining();
 * await tf.setBackend('webgpu');
 */
export function enableWebgpuTraining(): void {
  if (!tf.getKernel('Conv2DBackpropFilter', 'webgpu')) {
    throw new Error(
      "enableWebgpuTraining: the kernels of @tensorflow/tfjs-backend-webgpu must be registered, got none; import '@tensorflow/tfjs-backend-webgpu' first",
    );
  }
  if (tf.getKernel(FUSED_KERNELS.groupNorm, 'webgpu')) return;
  for (const [kernelName, wrap] of Object.entries(REPLACED)) {
    const stock = tf.getKernel(kernelName, 'webgpu')!;
    const run = (wrap as unknown as (stock: KernelFunc) => KernelFunc)(stock.kernelFunc);
    tf.unregisterKernel(kernelName, 'webgpu');
    tf.registerKernel({ ...stock, kernelFunc: run });
  }
  for (const [kernelName, run] of Object.entries(ADDED)) {
    tf.registerKernel({ kernelName, backendName: 'webgpu', kernelFunc: run as unknown as KernelFunc });
  }
  if (!tf.getGradient(FUSED_KERNELS.groupNorm)) tf.registerGradient(GROUP_NORM_GRADIENT);
}
