import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { CONVOLUTIONS, describeConvolution, explicitPadding } from '../../testing/convolution-cases';
import { naiveGradients, outputSize } from '../../testing/naive-convolution';
import {
  finiteDifferences,
  noise,
  noiseTensor,
  onBoth,
  relativeError,
  startWasm,
  tensorCounts,
} from '../../testing/wasm';

beforeAll(startWasm);

test(`Conv2DBackpropInput equals the definition for ${CONVOLUTIONS.length} kernels, strides and paddings`, () => {
  const wrong: string[] = [];
  for (const sizes of CONVOLUTIONS) {
    const { batch, height, width, inChannels, outChannels, kernel, strides } = sizes;
    const [outHeight, outWidth] = outputSize(sizes);
    const inputShape = [batch, height, width, inChannels];
    const x = new Float32Array(tf.util.sizeFromShape(inputShape));
    const w = noise(kernel[0] * kernel[1] * inChannels * outChannels, 1);
    const dy = noise(batch * outHeight * outWidth * outChannels, 2);
    const actual = tf.tidy(() =>
      (
        tf.engine().runKernel(
          'Conv2DBackpropInput',
          {
            dy: tf.tensor(dy, [batch, outHeight, outWidth, outChannels]),
            filter: tf.tensor(w, [...kernel, inChannels, outChannels]),
          },
          { strides, pad: explicitPadding(sizes), dataFormat: 'NHWC', inputShape } as never,
        ) as tf.Tensor
      ).dataSync(),
    );
    const error = relativeError(actual, naiveGradients(sizes, x, w, dy).dx);
    if (!(error < 1e-5)) wrong.push(`${describeConvolution(sizes)}: ${error}`); // measured below 2.6e-6
  }
  expect(wrong).toEqual([]);
});

test.each([
  ['same', 1],
  ['same', 2],
  ['valid', 3],
  [1, 2],
] as const)('the gradient of conv2d with padding %s and stride %d equals the cpu backend’s', async (pad, stride) => {
  const rounding = typeof pad === 'number' ? 'floor' : undefined;
  const { cpu, wasm } = await onBoth(() => {
    const filter = noiseTensor<tf.Rank.R4>([3, 3, 4, 5], 2);
    const f = (x: tf.Tensor) =>
      tf.sum(tf.square(tf.conv2d(x as tf.Tensor4D, filter, stride, pad, 'NHWC', 1, rounding)));
    return [tf.grad(f)(noiseTensor([3, 7, 9, 4], 1))];
  });
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-5); // measured 1.8e-7
});

test('it follows finite differences through tf.pad and a strided convolution', () => {
  const filter = noiseTensor<tf.Rank.R4>([3, 3, 2, 3], 5);
  const f = (x: tf.Tensor) => {
    const padded = tf.pad(x as tf.Tensor4D, [
      [0, 0],
      [0, 1],
      [0, 1],
      [0, 0],
    ]);
    return tf.sum(tf.square(tf.conv2d(padded, filter, [2, 2], 'valid'))) as tf.Scalar;
  };
  const at = noise(40, 6);
  const value = (x: Float32Array) => tf.tidy(() => f(tf.tensor(x, [1, 4, 5, 2])).dataSync()[0]);
  const gradient = tf.tidy(() =>
    tf
      .grad(f)(tf.tensor(at, [1, 4, 5, 2]))
      .dataSync(),
  );
  expect(relativeError(gradient, finiteDifferences(value, at))).toBeLessThan(2e-3); // float32 differences of a square
  filter.dispose();
});

test('it gives conv2dTranspose its forward pass', async () => {
  const { cpu, wasm } = await onBoth(() => [
    tf.conv2dTranspose(
      noiseTensor<tf.Rank.R4>([2, 5, 6, 4], 1),
      noiseTensor<tf.Rank.R4>([4, 4, 3, 4], 2),
      [2, 10, 12, 3],
      2,
      'same',
    ),
  ]);
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-5); // measured 1.7e-7
});

test('it leaves one tensor, the one it returns', () => {
  const dy = noiseTensor([2, 4, 4, 5], 1);
  const filter = noiseTensor([3, 3, 3, 5], 2);
  const before = tensorCounts();
  const attributes = { strides: [2, 2], pad: 'same', dataFormat: 'NHWC', inputShape: [2, 8, 8, 3] };
  const out = tf.engine().runKernel('Conv2DBackpropInput', { dy, filter }, attributes as never) as tf.Tensor;
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, dy, filter]);
});

test('it refuses NCHW', () => {
  const attributes = { strides: [1, 1], pad: 'same', dataFormat: 'NCHW', inputShape: [1, 3, 4, 4] };
  const dy = noiseTensor([1, 5, 4, 4], 1);
  const filter = noiseTensor([3, 3, 3, 5], 2);
  expect(() => tf.engine().runKernel('Conv2DBackpropInput', { dy, filter }, attributes as never)).toThrow(
    'Conv2DBackpropInput: dataFormat must be NHWC on the wasm backend, got NCHW',
  );
  tf.dispose([dy, filter]);
});
