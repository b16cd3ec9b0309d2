import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { type KernelArguments, stockKernel } from '../wasm-kernel';

const stockSlice = stockKernel('Slice');

/** Runs up to this length are copied value by value: a call of `set` costs more. */
const SHORT_RUN = 96;

/**
 * `Slice` that copies only what it returns; the stock kernel first copies its whole input.
 * 2 M elements: 2.7-3.6 ms before; 0.03 ms (one contiguous piece) to 1.5-2.7 ms (all but an edge) now.
 */
export function slice(args: KernelArguments<'x', { begin: number | number[]; size: number | number[] }>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x } = inputs;
  const rank = x.shape.length;
  if (x.dtype === 'string' || rank === 0 || rank > 5) return stockSlice(backend, inputs, attrs);
  // parseSliceParams asks only for the shape.
  const [begin, size] = tf.slice_util.parseSliceParams(x as tf.Tensor, attrs.begin, attrs.size);
  const out = backend.makeOutput(size, x.dtype);
  const count = tf.util.sizeFromShape(size);
  if (count === 0) return out;
  const from = backend.typedArrayFromHeap(x);
  const to = backend.typedArrayFromHeap(out);
  if (tf.slice_util.isSliceContinous(x.shape, begin, size)) {
    const start = tf.slice_util.computeFlatOffset(begin, tf.util.computeStrides(x.shape));
    to.set(from.subarray(start, start + count));
    return out;
  }
  copyBlocks(from, to, ...asFiveAxes(x.shape, begin, size));
  return out;
}

/** Joins whole trailing axes into one run and fills up with leading axes of 1, so that one loop serves every rank. */
function asFiveAxes(shape: number[], begin: number[], size: number[]): [number[], number[], number[]] {
  const axes = [[...shape], [...begin], [...size]] as [number[], number[], number[]];
  const [extents, starts, sizes] = axes;
  while (extents.length > 1 && starts.at(-1) === 0 && sizes.at(-1) === extents.at(-1)) {
    const inner = extents.pop()!;
    starts.pop();
    sizes.pop();
    for (const axis of axes) axis[axis.length - 1] *= inner;
  }
  while (extents.length < 5) {
    extents.unshift(1);
    starts.unshift(0);
    sizes.unshift(1);
  }
  return axes;
}

type Numbers = Float32Array | Int32Array | Uint8Array;

function copyBlocks(from: Numbers, to: Numbers, extents: number[], starts: number[], sizes: number[]): void {
  const strides = [0, 0, 0, 0, 1];
  for (let axis = 3; axis >= 0; axis--) strides[axis] = strides[axis + 1] * extents[axis + 1];
  const run = sizes[4];
  let out = 0;
  for (let a = 0; a < sizes[0]; a++) {
    for (let b = 0; b < sizes[1]; b++) {
      for (let c = 0; c < sizes[2]; c++) {
        let start = (a + starts[0]) * strides[0] + (b + starts[1]) * strides[1] + (c + starts[2]) * strides[2];
        start += starts[3] * strides[3] + starts[4];
        for (let d = 0; d < sizes[3]; d++, start += strides[3], out += run) {
          if (run <= SHORT_RUN) for (let i = 0; i < run; i++) to[out + i] = from[start + i];
          else to.set(from.subarray(start, start + run), out);
        }
      }
    }
  }
}
