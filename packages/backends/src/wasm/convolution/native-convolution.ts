import type { TensorInfo } from '@tensorflow/tfjs-core';
import { address, type WasmBackend } from '../heap';
import { native } from '../native';
import type { ConvolutionGeometry } from './conv2d-geometry';

/** The accelerator's arguments of a convolution, direction first. */
type Tensors = { x: TensorInfo; filter: TensorInfo; y: TensorInfo; bias?: TensorInfo };

/**
 * One convolution, or one of its gradients, by the accelerator, into the tensor that `direction` names; false where
 * there is none. oneDNN takes the padding at the end as the geometry's remainder, which is negative where a stride
 * skips the last pixels.
 */
export function nativeConvolution(
  backend: WasmBackend,
  direction: 'forward' | 'by input' | 'by filter',
  { x, filter, y, bias }: Tensors,
  geometry: ConvolutionGeometry,
): boolean {
  const found = native(backend);
  const { batch, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, filterHeight, filterWidth } =
    geometry;
  const { strideHeight, strideWidth, top, left } = geometry;
  // oneDNN 2.6 gives wrong filter gradients for strided 1x1 filters (every other row of 8 x 8 frames, AVX2); such are
  // rare.
  const wrongThere = filterHeight * filterWidth === 1 && strideHeight * strideWidth > 1;
  if (!found || wrongThere || batch * inHeight * inWidth * inChannels * outHeight * outWidth * outChannels === 0)
    return false;
  const bottom = (outHeight - 1) * strideHeight + filterHeight - inHeight - top;
  const right = (outWidth - 1) * strideWidth + filterWidth - inWidth - left;
  const [from, weights, to, sums] = [x, filter, y, bias].map((tensor) => (tensor ? address(backend, tensor) : 0));
  found.kernels.convolution(
    direction === 'forward' ? 0 : direction === 'by input' ? 1 : 2,
    found.heap,
    batch,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    outChannels,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    top,
    left,
    bottom,
    right,
    from,
    weights,
    to,
    sums,
  );
  return true;
}
