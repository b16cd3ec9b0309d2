import { FUSED_KERNELS } from '@lipsync/nn';
import type { GradConfig, NamedAttrMap, Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { conv2d } from './convolution/conv2d';
import { conv2dFilterGradient } from './convolution/conv2d-filter-gradient';
import { conv2dInputGradient } from './convolution/conv2d-input-gradient';
import { CONVOLUTION_GRADIENT, convolution } from './convolution/convolution';
import { fusedConv2D } from './convolution/fused-conv2d';
import { guardAllocations } from './guard-memory';
import type { WasmBackend } from './heap';
import { adamW } from './kernels/adam-w';
import { add } from './kernels/add';
import { ELEMENTWISE } from './kernels/elementwise';
import { gather } from './kernels/gather';
import { groupNorm } from './kernels/group-norm';
import { groupNormGradient } from './kernels/group-norm-gradient';
import { identity } from './kernels/identity';
import { batchMatMul, fusedMatMul } from './kernels/mat-mul';
import { maxPoolGradient } from './kernels/max-pool-gradient';
import { slice } from './kernels/slice';
import { sum } from './kernels/sum';
import { sumOfSquares } from './kernels/sum-of-squares';
import { unsortedSegmentSum } from './kernels/unsorted-segment-sum';
import { guardStockKernels, registerWasmKernel, type WasmKernel } from './wasm-kernel';

const KERNELS: WasmKernel[] = [
  { name: 'Add', run: add },
  ...ELEMENTWISE,
  { name: 'Conv2D', run: conv2d },
  { name: 'FusedConv2D', run: fusedConv2D },
  { name: 'GatherV2', run: gather },
  { name: 'Identity', run: identity },
  { name: 'Slice', run: slice },
  { name: 'BatchMatMul', run: batchMatMul },
  { name: '_FusedMatMul', run: fusedMatMul },
  { name: 'Conv2DBackpropInput', run: conv2dInputGradient },
  { name: 'Conv2DBackpropFilter', run: conv2dFilterGradient },
  { name: 'Sum', run: sum },
  { name: 'MaxPoolGrad', run: maxPoolGradient },
  { name: 'UnsortedSegmentSum', run: unsortedSegmentSum },
  { name: FUSED_KERNELS.groupNorm, run: groupNorm },
  { name: FUSED_KERNELS.groupNormGrad, run: groupNormGradient },
  { name: FUSED_KERNELS.convolution, run: convolution },
  { name: FUSED_KERNELS.adamW, run: adamW },
  { name: FUSED_KERNELS.sumOfSquares, run: sumOfSquares },
];

/** The gradient of the fused forward kernel, for `tf.grad`. */
export const GROUP_NORM_GRADIENT: GradConfig = {
  kernelName: FUSED_KERNELS.groupNorm,
  inputsToSave: ['x', 'gamma', 'beta'],
  outputsToSave: [false, true],
  gradFunc: (dy, saved, attrs) => {
    const [x, gamma, beta, statistics] = saved;
    const outputGradient = Array.isArray(dy) ? dy[0] : dy;
    const [dx, dgamma, dbeta] = tf
      .engine()
      .runKernel(
        FUSED_KERNELS.groupNormGrad,
        { x, gamma, beta, statistics, dy: outputGradient },
        attrs as NamedAttrMap,
      ) as Tensor[];
    return { x: () => dx, gamma: () => dgamma, beta: () => dbeta };
  },
};

/**
 * Makes the wasm backend trainable: registers the gradient kernels that tfjs-backend-wasm 4.22.0 lacks or computes
 * wrongly, replaces slow ones, adds the fused kernels of `FUSED_KERNELS`, and turns running out of memory, in an
 * allocation or in any kernel, into a clear error.
 *
 * Call it after importing `@tensorflow/tfjs-backend-wasm`, before or after setting the backend. Calling it again does
 * nothing. `selectBackend` calls it for its wasm backends.
 *
 * @throws Error if `@tensorflow/tfjs-backend-wasm` has not registered its kernels.
 * @example
 * import '@tensorflow/tfjs-backend-wasm';
 * enableWasmTraining();
 * await tf.setBackend('wasm');
 */
export function enableWasmTraining(): void {
  if (!tf.getKernel('Conv2D', 'wasm')) {
    throw new Error(
      "enableWasmTraining: the kernels of @tensorflow/tfjs-backend-wasm must be registered, got none; import '@tensorflow/tfjs-backend-wasm' first",
    );
  }
  if (tf.getKernel(FUSED_KERNELS.groupNorm, 'wasm')) return;
  for (const kernel of KERNELS) registerWasmKernel(kernel);
  guardStockKernels();
  tf.registerGradient(GROUP_NORM_GRADIENT);
  tf.registerGradient(CONVOLUTION_GRADIENT);
  guardWhenSetUp();
}

/**
 * Guards the backend's allocations: now if it exists, else through a kernel's set-up, which tfjs runs with each new
 * backend.
 */
function guardWhenSetUp(): void {
  // The registry, because findBackend would start the backend.
  const existing = tf.engine().registry.wasm as unknown as WasmBackend | undefined;
  if (existing) guardAllocations(existing);
  const kernel = tf.getKernel('Conv2D', 'wasm')!;
  tf.unregisterKernel('Conv2D', 'wasm');
  tf.registerKernel({
    ...kernel,
    setupFunc: (backend) => {
      kernel.setupFunc?.(backend);
      guardAllocations(backend as unknown as WasmBackend);
    },
  });
}
