import type { TensorInfo } from '@tensorflow/tfjs-core';
import { address, allocate, floats, release, type WasmBackend } from '../heap';
import { simdKernels } from '../simd/simd';
import { runShares, simdThreads, split } from '../threads/simd-threads';
import type { ConvolutionGeometry } from './conv2d-geometry';

/**
 * Values of x and y that a thread keeps transformed at a time, 16 times each: half a MiB, for the second-level cache.
 */
const NUMBERS_AT_ONCE = 8192;

/** With fewer tiles, transforming the filter takes longer than it saves. */
const FEWEST_TILES = 32;

/**
 * Winograd's form saves a factor of at most 2.25; below this factor, after the waste of tiles at the edge, its overhead
 * is larger.
 */
const LEAST_SAVING = 1.2;

/**
 * Whether a convolution is faster in Winograd's form F(2x2, 3x3), see simd/kernels.ts: 3x3, stride 1, enough positions,
 * channels that fill vectors, and as many threads as XNNPACK uses.
 */
export function winogradPays(backend: WasmBackend, geometry: ConvolutionGeometry): boolean {
  const { batch, filterHeight, filterWidth, strideHeight, strideWidth, inChannels, outChannels, outHeight, outWidth } =
    geometry;
  if (filterHeight !== 3 || filterWidth !== 3 || strideHeight !== 1 || strideWidth !== 1) return false;
  if (inChannels % 4 !== 0 || inChannels < 8 || outChannels % 8 !== 0) return false;
  const tiles = Math.ceil(outHeight / 2) * Math.ceil(outWidth / 2);
  if (batch * tiles < FEWEST_TILES || (2.25 * outHeight * outWidth) / (4 * tiles) < LEAST_SAVING) return false;
  if (!simdKernels(backend)) return false;
  const threads = simdThreads(backend);
  return batch >= threads && threads >= backend.wasm.tfjs.getThreadsCount();
}

/** Tiles that a thread handles at a time, a multiple of 4. */
function roomFor({ inChannels, outChannels }: ConvolutionGeometry): number {
  return Math.max(8, Math.min(64, 4 * Math.floor(NUMBERS_AT_ONCE / (inChannels + outChannels) / 4)));
}

type Sizes = [
  inHeight: number,
  inWidth: number,
  inChannels: number,
  outHeight: number,
  outWidth: number,
  outChannels: number,
  top: number,
  left: number,
];

function sizesOf(geometry: ConvolutionGeometry): Sizes {
  const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, top, left } = geometry;
  return [inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, top, left];
}

/**
 * `conv2d(x, filter [3, 3, in, out])` where `winogradPays`. Differs from the definition by rounding, about 1e-6 of the
 * largest value.
 */
export function winogradConvolution(
  backend: WasmBackend,
  x: TensorInfo,
  filter: TensorInfo,
  geometry: ConvolutionGeometry,
): TensorInfo {
  const { batch, inChannels, outHeight, outWidth, outChannels } = geometry;
  const room = roomFor(geometry);
  const own = 16 * room * (inChannels + outChannels);
  const threads = simdThreads(backend);
  const samples = split(batch, threads);
  const y = allocate(backend, [batch, outHeight, outWidth, outChannels]);
  const transformed = allocate(backend, [16 * inChannels * outChannels]);
  const scratch = allocate(backend, [own * samples.length]);
  const [from, weights, to, u, v] = [x, filter, y, transformed, scratch].map((tensor) => address(backend, tensor));
  runShares(
    backend,
    'winogradFilter',
    split(inChannels, threads).map(([first, last]) => [weights, u, inChannels, outChannels, first, last]),
  );
  runShares(
    backend,
    'winogradConvolve',
    samples.map(([first, last], i) => [from, u, to, v + 4 * own * i, room, first, last, ...sizesOf(geometry)]),
  );
  release(backend, scratch);
  release(backend, transformed);
  return y;
}

/** The gradient by the filter, into `out [3, 3, in, out]`, where `winogradPays`. */
export function winogradFilterGradient(
  backend: WasmBackend,
  x: TensorInfo,
  dy: TensorInfo,
  out: TensorInfo,
  geometry: ConvolutionGeometry,
): void {
  const { batch, inChannels, outChannels } = geometry;
  const room = roomFor(geometry);
  const own = 16 * room * (inChannels + outChannels);
  const threads = simdThreads(backend);
  const samples = split(batch, threads);
  const sumSize = 16 * inChannels * outChannels;
  const sums = allocate(backend, [sumSize * samples.length]);
  const scratch = allocate(backend, [own * samples.length]);
  floats(backend, sums).fill(0);
  const [from, gradient, to, s, v] = [x, dy, out, sums, scratch].map((tensor) => address(backend, tensor));
  runShares(
    backend,
    'winogradGather',
    samples.map(([first, last], i) => [
      from,
      gradient,
      s + 4 * sumSize * i,
      v + 4 * own * i,
      room,
      first,
      last,
      ...sizesOf(geometry),
    ]),
  );
  runShares(
    backend,
    'winogradFilterGradient',
    split(inChannels * outChannels, threads, 4).map(([first, last]) => [
      s,
      to,
      samples.length,
      inChannels,
      outChannels,
      first,
      last,
    ]),
  );
  release(backend, scratch);
  release(backend, sums);
}
