import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { address, allocate, release } from '../heap';
import { native } from '../native';
import { type KernelArguments, stockKernel } from '../wasm-kernel';
import { type ConvolutionAttributes, convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';

const stockFused = stockKernel('FusedConv2D');

type FusedAttributes = ConvolutionAttributes & { dilations: number | [number, number]; activation: string };
type FusedInputs = { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo; preluActivationWeights?: TensorInfo };

/**
 * `FusedConv2D` (`tf.fused.conv2d`) by the accelerator where there is one, for a plain bias and an activation of ReLU
 * or none; else by the stock kernel.
 */
export function fusedConv2D(
  args: KernelArguments<'x' | 'filter', FusedAttributes> & { inputs: FusedInputs },
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x, filter, bias } = inputs;
  const dilated = [attrs.dilations].flat().some((dilation) => dilation > 1);
  const plain = !dilated && (attrs.dataFormat ?? 'NHWC') === 'NHWC' && ['linear', 'relu'].includes(attrs.activation);
  const width = filter.shape[3];
  const stock = () => stockFused(backend, inputs as Record<string, TensorInfo>, attrs);
  if (!native(backend) || !plain || (bias && tf.util.sizeFromShape(bias.shape) !== width)) return stock();
  const geometry = convolutionGeometry('FusedConv2D', x.shape, filter.shape, attrs);
  const y = allocate(backend, [geometry.batch, geometry.outHeight, geometry.outWidth, geometry.outChannels]);
  if (!nativeConvolution(backend, 'forward', { x, filter, y, bias }, geometry)) {
    release(backend, y);
    return stock();
  }
  if (attrs.activation === 'relu') {
    const { kernels, heap } = native(backend)!;
    kernels.relu(heap, tf.util.sizeFromShape(y.shape), address(backend, y), address(backend, y));
  }
  return y;
}
