import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate } from '../heap';
import { native } from '../native';
import { type KernelArguments, stockKernel } from '../wasm-kernel';

const stockAdd = stockKernel('Add');

/**
 * `Add`: by the accelerator where both shapes are equal or one tensor is a row for each row of the other (a bias); else
 * by the stock kernel.
 */
export function add({ inputs, backend }: KernelArguments<'a' | 'b', object>): TensorInfo {
  const { a, b } = inputs;
  const accelerated = native(backend);
  if (!accelerated || a.dtype !== 'float32' || b.dtype !== 'float32') return stockAdd(backend, inputs, {});
  const [count, columns] = [a, b].map(({ shape }) => tf.util.sizeFromShape(shape));
  const alike = tf.util.arraysEqual(a.shape, b.shape);
  const row = b.shape.length === 1 && columns > 1 && columns < count && a.shape.at(-1) === columns;
  if (count === 0 || !(alike || row)) return stockAdd(backend, inputs, {});
  const y = allocate(backend, a.shape);
  const { kernels, heap } = native(backend)!;
  const [left, right, to] = [a, b, y].map((tensor) => address(backend, tensor));
  if (alike) kernels.add(heap, count, left, right, to);
  else kernels.addRow(heap, count / columns, columns, left, right, to);
  return y;
}
