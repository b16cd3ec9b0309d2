import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, floats } from '../heap';
import { native } from '../native';
import { simdKernels } from '../simd/simd';
import type { KernelArguments } from '../wasm-kernel';

/** `LipsyncSumOfSquares`: the squared length of a tensor, a float32 scalar summed in float64. */
export function sumOfSquares({ inputs: { x }, backend }: KernelArguments<'x', object>): TensorInfo {
  const y = allocate(backend, []);
  const count = tf.util.sizeFromShape(x.shape);
  const accelerated = native(backend);
  if (accelerated) accelerated.kernels.sumOfSquares(accelerated.heap, count, address(backend, x), address(backend, y));
  else {
    const simd = simdKernels(backend);
    const sum = simd
      ? simd.sumOfSquares(address(backend, x), count)
      : floats(backend, x).reduce((total, value) => total + value * value, 0);
    floats(backend, y)[0] = sum;
  }
  return y;
}
