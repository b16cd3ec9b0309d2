import { type ConvolutionAttributes, FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test, vi } from 'vitest';
import { noiseTensor, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

const attributes = (stride: number, pad: number): ConvolutionAttributes => ({
  strides: [stride, stride],
  pad: [
    [0, 0],
    [pad, pad],
    [pad, 0],
    [0, 0],
  ],
});
const fused = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, how: ConvolutionAttributes) =>
  tf
    .engine()
    .runKernel(FUSED_KERNELS.convolution, { x, filter, bias } as unknown as tf.NamedTensorMap, how) as tf.Tensor4D;
const composed = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, { strides, pad }: ConvolutionAttributes) =>
  tf.add(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad), bias);

// Winograd's form, XNNPACK, a stride, a 1x1 filter.
test.each([
  [[3, 12, 12, 16], 3, 24, 1, 1],
  [[2, 9, 7, 5], 3, 6, 1, 1],
  [[2, 11, 11, 8], 3, 8, 2, 0],
  [[2, 6, 6, 8], 1, 16, 1, 0],
] as [number[], number, number, number, number][])(
  'shape %j, filter %d, %d channels, stride %d, padding %d: value and all gradients are those of conv2d and add',
  (shape, size, out, stride, pad) => {
    const how = attributes(stride, pad);
    const inputs = [noiseTensor(shape, 1), noiseTensor([size, size, shape[3], out], 2), noiseTensor([out], 3)];
    const before = tensorCounts();
    const run = (op: typeof composed) =>
      tf.tidy(() => {
        const f = (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
          tf.sum(tf.square(op(x, filter, bias, how))) as tf.Scalar;
        const y = op(inputs[0], inputs[1], inputs[2], how);
        return [y, ...tf.grads(f as (...args: tf.Tensor[]) => tf.Tensor)(inputs)].map((tensor) =>
          Float32Array.from(tensor.dataSync()),
        );
      });
    const [ours, theirs] = [run(fused), run(composed)];
    ours.forEach((numbers, i) => expect(relativeError(numbers, theirs[i])).toBeLessThan(2e-6)); // measured 2.1e-7
    expect(tensorCounts()).toEqual(before);
    tf.dispose(inputs);
  },
);

test('no gradient by the input is computed where it is not used', () => {
  const [x, filter, bias] = [noiseTensor([2, 8, 8, 4], 1), noiseTensor([3, 3, 4, 8], 2), noiseTensor([8], 3)];
  const kernel = tf.getKernel('Conv2DBackpropInput', 'wasm')!;
  const spy = vi.fn(kernel.kernelFunc);
  tf.unregisterKernel('Conv2DBackpropInput', 'wasm');
  tf.registerKernel({ ...kernel, kernelFunc: spy });
  const gradients = tf.grads((filter, bias) => tf.sum(fused(x, filter, bias, attributes(1, 1))))([filter, bias]);
  expect(spy).not.toHaveBeenCalled();
  tf.dispose(tf.grads((x, filter) => tf.sum(fused(x, filter, bias, attributes(1, 1))))([x, filter]));
  expect(spy).toHaveBeenCalledTimes(1);
  tf.unregisterKernel('Conv2DBackpropInput', 'wasm');
  tf.registerKernel(kernel);
  tf.dispose([x, filter, bias, ...gradients]);
});
