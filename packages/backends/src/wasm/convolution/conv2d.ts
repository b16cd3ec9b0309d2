import type { TensorInfo } from '@tensorflow/tfjs-core';
import { allocate, release } from '../heap';
import { native } from '../native';
import { type KernelArguments, stockKernel } from '../wasm-kernel';
import { type ConvolutionAttributes, convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';
import { winogradConvolution, winogradPays } from './winograd';

const stockConv2D = stockKernel('Conv2D');

/**
 * `Conv2D`: by the accelerator where there is one, else in Winograd's form for 3x3 convolutions of batches, where that
 * is faster, else by XNNPACK.
 */
export function conv2d(
  args: KernelArguments<'x' | 'filter', ConvolutionAttributes & { dilations: number | [number, number] }>,
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x, filter } = inputs;
  const dilated = [attrs.dilations].flat().some((dilation) => dilation > 1);
  if (dilated || (attrs.dataFormat && attrs.dataFormat !== 'NHWC')) return stockConv2D(backend, inputs, attrs);
  const geometry = convolutionGeometry('Conv2D', x.shape, filter.shape, attrs);
  if (native(backend)) {
    const y = allocate(backend, [geometry.batch, geometry.outHeight, geometry.outWidth, geometry.outChannels]);
    if (nativeConvolution(backend, 'forward', { x, filter, y }, geometry)) return y;
    release(backend, y);
  }
  return winogradPays(backend, geometry)
    ? winogradConvolution(backend, x, filter, geometry)
    : stockConv2D(backend, inputs, attrs);
}
