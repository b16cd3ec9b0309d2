import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { KernelArguments } from '../wasm-kernel';

/**
 * `UnsortedSegmentSum`, the gradient of `gather`, which tfjs-backend-wasm lacks. Ids outside `[0, numSegments)` are
 * ignored.
 */
export function unsortedSegmentSum(args: KernelArguments<'x' | 'segmentIds', { numSegments: number }>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { x, segmentIds } = inputs;
  const rest = x.shape.slice(segmentIds.shape.length);
  const out = backend.makeOutput([attrs.numSegments, ...rest], x.dtype);
  const ids = backend.typedArrayFromHeap(segmentIds);
  const from = backend.typedArrayFromHeap(x);
  const to = backend.typedArrayFromHeap(out);
  const run = tf.util.sizeFromShape(rest);
  to.fill(0);
  for (let i = 0; i < ids.length; i++) {
    const segment = ids[i];
    if (segment < 0 || segment >= attrs.numSegments) continue;
    for (let j = 0; j < run; j++) to[segment * run + j] += from[i * run + j];
  }
  return out;
}
