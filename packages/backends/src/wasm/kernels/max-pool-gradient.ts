import type { TensorInfo } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { allocate, floats } from '../heap';
import type { KernelArguments } from '../wasm-kernel';

type PoolAttributes = {
  filterSize: [number, number] | number;
  strides: [number, number] | number;
  pad: Parameters<typeof tf.backend_util.computePool2DInfo>[4];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
};

/**
 * `MaxPoolGrad`: each output's gradient goes to the first largest input of its window, as on the cpu backend.
 * The stock kernel starts from the smallest positive float, so it loses windows whose maximum is zero or below.
 */
export function maxPoolGradient(args: KernelArguments<'dy' | 'input' | 'output', PoolAttributes>): TensorInfo {
  const { inputs, backend, attrs } = args;
  const { dy, input } = inputs;
  const info = tf.backend_util.computePool2DInfo(
    input.shape as [number, number, number, number],
    attrs.filterSize,
    attrs.strides,
    1,
    attrs.pad,
    attrs.dimRoundingMode,
  );
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, strideHeight, strideWidth, padInfo } = info;
  const { effectiveFilterHeight, effectiveFilterWidth } = info;
  const out = allocate(backend, input.shape);
  const x = floats(backend, input);
  const gradients = floats(backend, dy);
  const dx = floats(backend, out);
  dx.fill(0);
  let position = 0;
  for (let n = 0; n < batchSize; n++) {
    for (let row = 0; row < outHeight; row++) {
      const top = row * strideHeight - padInfo.top;
      const fromRow = Math.max(0, top);
      const toRow = Math.min(inHeight, top + effectiveFilterHeight);
      for (let column = 0; column < outWidth; column++) {
        const left = column * strideWidth - padInfo.left;
        const fromColumn = Math.max(0, left);
        const toColumn = Math.min(inWidth, left + effectiveFilterWidth);
        for (let c = 0; c < inChannels; c++, position++) {
          let largest = -Infinity;
          let where = -1;
          for (let y = fromRow; y < toRow; y++) {
            let index = ((n * inHeight + y) * inWidth + fromColumn) * inChannels + c;
            for (let z = fromColumn; z < toColumn; z++, index += inChannels) {
              if (x[index] > largest || where < 0) {
                largest = x[index];
                where = index;
              }
            }
          }
          if (where >= 0) dx[where] += gradients[position];
        }
      }
    }
  }
  return out;
}
