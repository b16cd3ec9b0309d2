import { type ConvolutionAttributes, FUSED_KERNELS } from '@lipsync/nn';
import type { GradConfig, NamedAttrMap, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { allocate, release } from '../heap';
import { native } from '../native';
import { type KernelArguments, stockKernel } from '../wasm-kernel';
import { conv2d } from './conv2d';
import { convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';
import { winogradPays } from './winograd';

const stockFused = stockKernel('FusedConv2D');
const stockAdd = stockKernel('Add');

/** `LipsyncConvolution`, see `FUSED_KERNELS` of `@lipsync/nn`: a convolution that adds its bias as it writes. */
export function convolution(args: KernelArguments<'x' | 'filter' | 'bias', ConvolutionAttributes>): TensorInfo {
  const { inputs, backend } = args;
  const { x, filter, bias } = inputs;
  const attrs = { ...args.attrs, dilations: 1, dataFormat: 'NHWC' as const };
  const geometry = convolutionGeometry('LipsyncConvolution', x.shape, filter.shape, attrs);
  if (native(backend)) {
    const y = allocate(backend, [geometry.batch, geometry.outHeight, geometry.outWidth, geometry.outChannels]);
    if (nativeConvolution(backend, 'forward', { x, filter, y, bias }, geometry)) return y;
    release(backend, y);
  }
  if (!winogradPays(backend, geometry)) return stockFused(backend, inputs, { ...attrs, activation: 'linear' });
  const product = conv2d({ inputs: { x, filter }, backend, attrs });
  const y = stockAdd(backend, { a: product, b: bias }, {});
  release(backend, product);
  return y;
}

/**
 * The gradient of `LipsyncConvolution` for the tape. Each part is computed only where it is used: the first layer needs
 * none by its input, a frozen network none by its filters.
 */
export const CONVOLUTION_GRADIENT: GradConfig = {
  kernelName: FUSED_KERNELS.convolution,
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, [x, filter], attrs) => {
    const y = dy as Tensor;
    const run = (name: string, inputs: Record<string, Tensor>, more: object) =>
      tf
        .engine()
        .runKernel(name, inputs, { ...attrs, dataFormat: 'NHWC', ...more } as unknown as NamedAttrMap) as Tensor;
    return {
      x: () => run('Conv2DBackpropInput', { dy: y, filter }, { inputShape: x.shape }),
      filter: () => run('Conv2DBackpropFilter', { x, dy: y }, { filterShape: filter.shape }),
      bias: () => tf.sum(y, [0, 1, 2]),
    };
  },
};
