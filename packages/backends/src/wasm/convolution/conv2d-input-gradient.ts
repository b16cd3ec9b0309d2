import type { TensorInfo } from '@tensorflow/tfjs-core';
import { allocate, floats, release, type WasmBackend } from '../heap';
import { slice } from '../kernels/slice';
import { native } from '../native';
import { type KernelArguments, stockKernel } from '../wasm-kernel';
import { conv2d } from './conv2d';
import { type ConvolutionAttributes, type ConvolutionGeometry, convolutionGeometry } from './conv2d-geometry';
import { nativeConvolution } from './native-convolution';

const stockTranspose = stockKernel('Transpose');

/** One axis of one output phase: the filter taps that it uses, and the input positions that it fills. */
type PhaseAxis = {
  /** Filter indices, last first: a convolution flips the filter. */
  taps: number[];
  /** First input position of this phase. */
  first: number;
  /** Number of input positions that it fills, `stride` apart. */
  count: number;
  /** Padding of dy before and after; negative: rows of dy that are not needed. */
  before: number;
  after: number;
};

/**
 * `Conv2DBackpropInput`: `dx = sum over taps of dy · filterᵀ`, as ordinary convolutions of dy, which are fast on
 * XNNPACK.
 *
 * With stride s the s·s phases of the input (positions with the same remainder modulo s) use disjoint filter
 * taps, so each is a convolution with stride 1 and a part of the filter, without wasted multiplications.
 */
export function conv2dInputGradient(
  args: KernelArguments<'dy' | 'filter', ConvolutionAttributes & { inputShape: number[] }>,
): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { dy, filter } = inputs;
  const geometry = convolutionGeometry('Conv2DBackpropInput', attrs.inputShape, filter.shape, attrs);
  const { strideHeight, strideWidth, inHeight, inWidth, outHeight, outWidth } = geometry;
  if (native(backend)) {
    const x = allocate(backend, attrs.inputShape);
    if (nativeConvolution(backend, 'by input', { x, filter, y: dy }, geometry)) return x;
    release(backend, x);
  }
  if (strideHeight === 1 && strideWidth === 1) {
    const rows = phaseAxis(0, 1, geometry.filterHeight, geometry.top, inHeight, outHeight);
    const columns = phaseAxis(0, 1, geometry.filterWidth, geometry.left, inWidth, outWidth);
    // The one phase is the whole input, and with stride 1 it always overlaps dy.
    return convolvePhase(backend, dy, filter, rows, columns)!;
  }
  const out = allocate(backend, attrs.inputShape);
  floats(backend, out).fill(0);
  for (let p = 0; p < strideHeight; p++) {
    const rows = phaseAxis(p, strideHeight, geometry.filterHeight, geometry.top, inHeight, outHeight);
    for (let q = 0; q < strideWidth; q++) {
      const columns = phaseAxis(q, strideWidth, geometry.filterWidth, geometry.left, inWidth, outWidth);
      if (!rows.taps.length || !columns.taps.length || rows.count <= 0 || columns.count <= 0) continue;
      const part = convolvePhase(backend, dy, filter, rows, columns);
      if (!part) continue;
      scatterPhase(floats(backend, part), floats(backend, out), geometry, rows, columns);
      release(backend, part);
    }
  }
  return out;
}

/**
 * Input position h meets filter tap i in output position o where `h + padding = o·stride + i`. Those with `(h +
 * padding) mod stride = phase` meet the taps i with `i mod stride = phase`, in `o = u - (i - phase) / stride` with `u =
 * (h + padding - phase) / stride`.
 */
function phaseAxis(
  phase: number,
  stride: number,
  filterSize: number,
  padding: number,
  size: number,
  outSize: number,
): PhaseAxis {
  const taps: number[] = [];
  for (let i = phase; i < filterSize; i += stride) taps.unshift(i);
  const from = Math.max(0, Math.ceil((padding - phase) / stride));
  const to = Math.floor((size - 1 + padding - phase) / stride) + 1;
  return {
    taps,
    first: from * stride + phase - padding,
    count: to - from,
    before: taps.length - 1 - from,
    after: to - outSize,
  };
}

/** `[batch, rows.count, columns.count, in]`, or null where the phase covers only padding. */
function convolvePhase(
  backend: WasmBackend,
  dy: TensorInfo,
  filter: TensorInfo,
  rows: PhaseAxis,
  columns: PhaseAxis,
): TensorInfo | null {
  const cut = (size: number) => Math.max(0, -size);
  const pad = (size: number) => Math.max(0, size);
  const [batch, outHeight, outWidth, channels] = dy.shape;
  const height = outHeight - cut(rows.before) - cut(rows.after);
  const width = outWidth - cut(columns.before) - cut(columns.after);
  if (height <= 0 || width <= 0) return null;
  const needsCut = height < outHeight || width < outWidth;
  const window = { begin: [0, cut(rows.before), cut(columns.before), 0], size: [batch, height, width, channels] };
  const source = needsCut ? slice({ inputs: { x: dy }, backend, attrs: window }) : dy;
  const turned = turnedFilter(backend, filter, rows.taps, columns.taps);
  const padding = [
    [0, 0],
    [pad(rows.before), pad(rows.after)],
    [pad(columns.before), pad(columns.after)],
    [0, 0],
  ];
  const attributes = {
    strides: 1,
    pad: padding as ConvolutionAttributes['pad'],
    dilations: 1,
    dataFormat: 'NHWC' as const,
  };
  const out = conv2d({ inputs: { x: source, filter: turned }, backend, attrs: attributes });
  release(backend, turned);
  if (needsCut) release(backend, source);
  return out;
}

/** The named taps of `filter [height, width, in, out]`, in this order, as `[rows, columns, out, in]`. */
function turnedFilter(backend: WasmBackend, filter: TensorInfo, rows: number[], columns: number[]): TensorInfo {
  const [, filterWidth, inChannels, outChannels] = filter.shape;
  const picked = allocate(backend, [rows.length, columns.length, inChannels, outChannels]);
  const from = floats(backend, filter);
  const to = floats(backend, picked);
  const tapSize = inChannels * outChannels;
  let out = 0;
  for (const i of rows) {
    for (const j of columns) {
      const start = (i * filterWidth + j) * tapSize;
      to.set(from.subarray(start, start + tapSize), out);
      out += tapSize;
    }
  }
  const turned = stockTranspose(backend, { x: picked }, { perm: [0, 1, 3, 2] });
  release(backend, picked);
  return turned;
}

function scatterPhase(
  from: Float32Array,
  to: Float32Array,
  { batch, inHeight, inWidth, inChannels, strideHeight, strideWidth }: ConvolutionGeometry,
  rows: PhaseAxis,
  columns: PhaseAxis,
): void {
  const step = strideWidth * inChannels;
  let source = 0;
  for (let n = 0; n < batch; n++) {
    for (let u = 0; u < rows.count; u++) {
      let target = ((n * inHeight + rows.first + u * strideHeight) * inWidth + columns.first) * inChannels;
      for (let v = 0; v < columns.count; v++, target += step, source += inChannels) {
        for (let c = 0; c < inChannels; c++) to[target + c] = from[source + c];
      }
    }
  }
}
