import type { TensorInfo } from '@tensorflow/tfjs-core';
import { address, allocate, floats, release, releaseView, view } from '../heap';
import { multiplyPlain } from '../kernels/mat-mul';
import { simdKernels } from '../simd/simd';
import { runShares, simdThreads, split } from '../threads/simd-threads';
import { type KernelArguments, stockKernel } from '../wasm-kernel';
import { type ConvolutionAttributes, type ConvolutionGeometry, convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';
import { winogradFilterGradient, winogradPays } from './winograd';

const stockTranspose = stockKernel('Transpose');

/** Output positions in one product: enough for XNNPACK, few enough that its operands stay in the cache. */
const POSITIONS = 4096;

/**
 * Images of at least this width are summed in place by the SIMD kernel; the rows of narrower ones are too short for it.
 */
const WIDE = 8;

/**
 * `Conv2DBackpropFilter`, which tfjs-backend-wasm lacks:
 * `dFilter [height·width·in, out] = patches(x)ᵀ [height·width·in, positions] · dy [positions, out]`,
 * the patches arranged transposed, a few samples at a time.
 */
export function conv2dFilterGradient(
  args: KernelArguments<'x' | 'dy', ConvolutionAttributes & { filterShape: number[] }>,
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x, dy } = inputs;
  const geometry = convolutionGeometry('Conv2DBackpropFilter', x.shape, attrs.filterShape, attrs);
  const { batch, filterHeight, filterWidth, inChannels, outChannels, outHeight, outWidth } = geometry;
  const out = allocate(backend, attrs.filterShape);
  if (nativeConvolution(backend, 'by filter', { x, filter: out, y: dy }, geometry)) return out;
  if (winogradPays(backend, geometry)) {
    winogradFilterGradient(backend, x, dy, out, geometry);
    return out;
  }
  if (outChannels % 4 === 0 && outWidth >= WIDE && simdKernels(backend)) {
    const { inHeight, inWidth, strideHeight, strideWidth, top, left } = geometry;
    const [from, gradient, to] = [x, dy, out].map((tensor) => address(backend, tensor));
    runShares(
      backend,
      'filterGradient',
      split(inChannels, simdThreads(backend), 4).map(([first, last]) => [
        from,
        gradient,
        to,
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
        first,
        last,
      ]),
    );
    return out;
  }
  floats(backend, out).fill(0);
  const rows = filterHeight * filterWidth * inChannels;
  const channelFirst = stockTranspose(backend, { x }, { perm: [3, 0, 1, 2] });
  const samples = Math.max(1, Math.min(batch, Math.floor(POSITIONS / (outHeight * outWidth))));
  for (let first = 0; first < batch; first += samples) {
    const count = Math.min(samples, batch - first);
    const positions = count * outHeight * outWidth;
    const gradients = view(backend, dy, first * outHeight * outWidth * outChannels, [1, positions, outChannels]);
    const patches = allocate(backend, [1, rows, positions]);
    layOutPatches(floats(backend, channelFirst), floats(backend, patches), geometry, first, count);
    const product = multiplyPlain(backend, patches, gradients);
    const part = floats(backend, product);
    const sum = floats(backend, out);
    for (let i = 0; i < sum.length; i++) sum[i] += part[i];
    release(backend, product);
    release(backend, patches);
    releaseView(backend, gradients);
  }
  release(backend, channelFirst);
  return out;
}

/** `to[(i, j, c), (n, y, x)] = from[c, n, y·stride + i - top, x·stride + j - left]`, zero outside. */
function layOutPatches(
  from: Float32Array,
  to: Float32Array,
  geometry: ConvolutionGeometry,
  first: number,
  count: number,
): void {
  const { batch, filterHeight, filterWidth, inChannels, inHeight, inWidth, outHeight, outWidth } = geometry;
  const { strideHeight, strideWidth, top, left } = geometry;
  let out = 0;
  for (let i = 0; i < filterHeight; i++) {
    for (let j = 0; j < filterWidth; j++) {
      // Output columns whose input column lies inside the input.
      const low = Math.min(outWidth, Math.max(0, Math.ceil((left - j) / strideWidth)));
      const high = Math.max(low, Math.min(outWidth, Math.floor((inWidth - 1 + left - j) / strideWidth) + 1));
      for (let c = 0; c < inChannels; c++) {
        for (let n = first; n < first + count; n++) {
          const plane = (c * batch + n) * inHeight * inWidth;
          for (let y = 0; y < outHeight; y++, out += outWidth) {
            const row = y * strideHeight + i - top;
            if (row < 0 || row >= inHeight) {
              to.fill(0, out, out + outWidth);
              continue;
            }
            let source = plane + row * inWidth + low * strideWidth + j - left;
            for (let x = 0; x < low; x++) to[out + x] = 0;
            for (let x = low; x < high; x++, source += strideWidth) to[out + x] = from[source];
            for (let x = high; x < outWidth; x++) to[out + x] = 0;
          }
        }
      }
    }
  }
}
