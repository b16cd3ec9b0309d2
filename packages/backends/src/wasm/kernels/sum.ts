import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, release, reshaped } from '../heap';
import { native } from '../native';
import { simdKernels } from '../simd/simd';
import { type KernelArguments, stockKernel } from '../wasm-kernel';

const stockSum = stockKernel('Sum');

/**
 * `Sum`, fast where the leading axes are summed (the gradient of a bias): the stock kernel first transposes the whole
 * tensor. Sums of float32 blocks are added in float64.
 */
export function sum(args: KernelArguments<'x', { axis: number | number[]; keepDims?: boolean }>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const axes = tf.util.parseAxisParam(attrs.axis, x.shape).sort((a, b) => a - b);
  const leading = axes.length > 0 && axes.length < x.shape.length && axes.every((axis, i) => axis === i);
  const kept = x.shape.slice(axes.length);
  const columns = tf.util.sizeFromShape(kept);
  const fast = leading && x.dtype === 'float32' && columns > 0;
  const simd = fast && columns % 4 === 0 ? simdKernels(backend) : null;
  if (!simd && !(fast && native(backend))) return stockSum(backend, inputs, attrs);
  const out = allocate(backend, kept);
  const rows = tf.util.sizeFromShape(x.shape) / columns;
  const accelerated = native(backend);
  if (accelerated)
    accelerated.kernels.columnSums(accelerated.heap, rows, columns, address(backend, x), address(backend, out));
  else {
    const scratch = allocate(backend, [3 * columns]);
    simd!.columnSums(address(backend, x), address(backend, out), address(backend, scratch), rows, columns);
    release(backend, scratch);
  }
  return attrs.keepDims
    ? reshaped(
        out,
        x.shape.map((size, axis) => (axis < axes.length ? 1 : size)),
      )
    : out;
}
