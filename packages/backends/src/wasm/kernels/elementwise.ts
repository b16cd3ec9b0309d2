import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate } from '../heap';
import { native } from '../native';
import { type KernelArguments, stockKernel, type WasmKernel } from '../wasm-kernel';

/** A kernel of one tensor, by the accelerator where there is one. */
function elementwise(name: 'Relu' | 'Square', kernel: 'relu' | 'square'): WasmKernel {
  const stock = stockKernel(name);
  const run = ({ inputs, backend }: KernelArguments<'x', object>): TensorInfo => {
    const { x } = inputs;
    if (!native(backend) || x.dtype !== 'float32') return stock(backend, inputs, {});
    const y = allocate(backend, x.shape);
    const { kernels, heap } = native(backend)!;
    kernels[kernel](heap, tf.util.sizeFromShape(x.shape), address(backend, x), address(backend, y));
    return y;
  };
  return { name, run };
}

/** Kernels that a native loop makes faster, because they pass over whole feature maps. */
export const ELEMENTWISE: WasmKernel[] = [elementwise('Relu', 'relu'), elementwise('Square', 'square')];
