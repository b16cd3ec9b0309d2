import type { TensorInfo } from '@tensorflow/tfjs-core';
import { convolutionGeometry, type ConvolutionAttributes } from './conv2d-geometry';
import { stockKernel, type KernelArguments } from './wasm-kernel';
import { winogradConvolution, winogradPays } from './winograd';

const stockConv2D = stockKernel('Conv2D');

/** `Conv2D`: Winograd's form for 3x3 convolutions of batches, where it pays; XNNPACK for the rest. */
export function conv2d(args: KernelArguments<'x' | 'filter', ConvolutionAttributes & { dilations: number | [number, number] }>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x, filter } = inputs;
  const dilated = [attrs.dilations].flat().some((dilation) => dilation > 1);
  if (dilated || (attrs.dataFormat && attrs.dataFormat !== 'NHWC')) return stockConv2D(backend, inputs, attrs);
  const geometry = convolutionGeometry('Conv2D', x.shape, filter.shape, attrs);
  return winogradPays(backend, geometry) ? winogradConvolution(backend, x, filter, geometry) : stockConv2D(backend, inputs, attrs);
}
