import type { KernelFunc, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { type ConvolutionAttributes, convolutionGeometry } from '../wasm/convolution/conv2d-geometry';
import { SMALL } from './webgpu-filter-gradient';
import { INVOCATIONS, runShader, sizeOf, type WebgpuArguments, type WebgpuBackend } from './webgpu-program';

export type InputGradientAttributes = ConvolutionAttributes & { inputShape: number[] };

/**
 * `Conv2DBackpropInput` for graphics processors: with stride 1 it is a convolution of `dy` with the filter rotated by
 * 180 degrees and its channels exchanged, and the backend's convolution works in tiles. The stock kernel is kept for
 * strides, for small gradients and for NCHW.
 */
export function webgpuInputGradient(
  stock: (args: WebgpuArguments<'dy' | 'filter', InputGradientAttributes>) => TensorInfo,
) {
  return (args: WebgpuArguments<'dy' | 'filter', InputGradientAttributes>): TensorInfo => {
    const { inputs, backend, attrs } = args;
    if (attrs.dataFormat === 'NCHW') return stock(args);
    const geometry = convolutionGeometry('Conv2DBackpropInput', attrs.inputShape, inputs.filter.shape, attrs);
    const {
      batch,
      filterHeight,
      filterWidth,
      inChannels,
      inHeight,
      inWidth,
      outChannels,
      outHeight,
      outWidth,
      strideHeight,
      strideWidth,
      top,
      left,
    } = geometry;
    const above = filterHeight - 1 - top;
    const before = filterWidth - 1 - left;
    const below = inHeight - outHeight + top;
    const behind = inWidth - outWidth + left;
    const work = batch * outHeight * outWidth * filterHeight * filterWidth * inChannels * outChannels;
    if (strideHeight * strideWidth > 1 || work < SMALL || Math.min(above, before, below, behind) < 0)
      return stock(args);
    const turned = turnFilter(backend, inputs.filter);
    const convolve = tf.getKernel('Conv2D', 'webgpu')!.kernelFunc as KernelFunc;
    const pad = [
      [0, 0],
      [above, below],
      [before, behind],
      [0, 0],
    ];
    const options = { strides: [1, 1], pad, dataFormat: 'NHWC', dilations: [1, 1] } as unknown as NamedAttrMap;
    try {
      return convolve({
        inputs: { x: inputs.dy, filter: turned },
        backend: backend as never,
        attrs: options,
      }) as TensorInfo;
    } finally {
      backend.disposeData(turned.dataId);
    }
  };
}

/** `turned[i, j, k, c] = filter[height - 1 - i, width - 1 - j, c, k]`. */
function turnFilter(backend: WebgpuBackend, filter: TensorInfo): TensorInfo {
  const [height, width, inChannels, outChannels] = filter.shape;
  const size = sizeOf(filter.shape);
  return runShader(backend, [height, width, outChannels, inChannels], {
    key: 'turnFilter',
    inputs: { filter_: filter },
    integers: { count: size, taps: height * width, inChannels, outChannels },
    workgroups: Math.ceil(size / INVOCATIONS),
    code: `
      fn run(workgroup: i32, local: i32) {
        let index = workgroup * ${INVOCATIONS} + local;
        if (index < uniforms.count) {
          let inChannel = index % uniforms.inChannels;
          let outChannel = index / uniforms.inChannels % uniforms.outChannels;
          let tap = uniforms.taps - 1 - index / (uniforms.inChannels * uniforms.outChannels);
          result[index] = filter_[(tap * uniforms.inChannels + inChannel) * uniforms.outChannels + outChannel];
        }
      }`,
  });
}
