import type { AdamWAttributes } from '@lipsync/nn';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, floats, type WasmBackend } from '../heap';
import { native } from '../native';
import { simdKernels } from '../simd/simd';
import { runShares, simdThreads, split } from '../threads/simd-threads';
import type { KernelArguments } from '../wasm-kernel';

type Inputs = 'parameter' | 'gradient' | 'expAvg' | 'expAvgSq';

/** With fewer values, waking the threads takes longer than it saves. */
const FEWEST_FOR_THREADS = 32768;

/**
 * `LipsyncAdamW`, see `FUSED_KERNELS` of `@lipsync/nn`: one pass over a parameter and its two means, which are not
 * changed.
 */
export function adamW({ inputs, backend, attrs }: KernelArguments<Inputs, AdamWAttributes>): TensorInfo[] {
  const { parameter, gradient, expAvg, expAvgSq } = inputs;
  const { beta1, beta2, epsilon, stepSize, decay } = attrs;
  const count = tf.util.sizeFromShape(parameter.shape);
  const outputs = [parameter, expAvg, expAvgSq].map(({ shape }) => allocate(backend, shape));
  const from = [parameter, gradient, expAvg, expAvgSq];
  const accelerated = native(backend);
  if (accelerated) {
    const [p, g, m, v, ...to] = [...from, ...outputs].map((tensor) => address(backend, tensor));
    accelerated.kernels.adamW(
      accelerated.heap,
      count,
      beta1,
      beta2,
      epsilon,
      stepSize,
      decay,
      p,
      g,
      m,
      v,
      to[0],
      to[1],
      to[2],
    );
  } else if (count % 4 === 0 && simdKernels(backend)) {
    const [p, g, m, v, ...to] = [...from, ...outputs].map((tensor) => address(backend, tensor));
    const figures = [1 - beta1, 1 - beta2, epsilon, stepSize, decay] as const;
    runShares(
      backend,
      'adamW',
      split(count, threadsFor(backend, count), 4).map(([first, last]) => {
        return [p, g, m, v, to[0], to[1], to[2], ...figures, first, last];
      }),
    );
  } else {
    step(
      [...from, ...outputs].map((tensor) => floats(backend, tensor)),
      attrs,
    );
  }
  return outputs;
}

const threadsFor = (backend: WasmBackend, count: number): number =>
  count < FEWEST_FOR_THREADS ? 1 : simdThreads(backend);

/** The same in JavaScript: for counts that are not a multiple of 4, and without SIMD. */
function step(
  [p, g, m, v, newP, newM, newV]: Float32Array[],
  { beta1, beta2, epsilon, stepSize, decay }: AdamWAttributes,
): void {
  for (let i = 0; i < p.length; i++) {
    const first = m[i] + (g[i] - m[i]) * (1 - beta1);
    const second = v[i] + (g[i] * g[i] - v[i]) * (1 - beta2);
    newM[i] = first;
    newV[i] = second;
    newP[i] = p[i] * decay - (first / (Math.sqrt(second) + epsilon)) * stepSize;
  }
}
