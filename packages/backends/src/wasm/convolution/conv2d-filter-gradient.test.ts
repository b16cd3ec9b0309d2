import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { CONVOLUTIONS, describeConvolution, explicitPadding } from '../../testing/convolution-cases';
import { type NaiveConvolution, naiveGradients, outputSize } from '../../testing/naive-convolution';
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

function errorOf(sizes: NaiveConvolution): number {
  const { batch, height, width, inChannels, outChannels, kernel, strides } = sizes;
  const [outHeight, outWidth] = outputSize(sizes);
  const x = noise(batch * height * width * inChannels, 1);
  const dy = noise(batch * outHeight * outWidth * outChannels, 2);
  const filterShape = [...kernel, inChannels, outChannels];
  const actual = tf.tidy(() =>
    (
      tf.engine().runKernel(
        'Conv2DBackpropFilter',
        {
          x: tf.tensor(x, [batch, height, width, inChannels]),
          dy: tf.tensor(dy, [batch, outHeight, outWidth, outChannels]),
        },
        { strides, pad: explicitPadding(sizes), dataFormat: 'NHWC', filterShape } as never,
      ) as tf.Tensor
    ).dataSync(),
  );
  const w = new Float32Array(tf.util.sizeFromShape(filterShape));
  return relativeError(actual, naiveGradients(sizes, x, w, dy).dw);
}

test(`Conv2DBackpropFilter equals the definition for ${CONVOLUTIONS.length} kernels, strides and paddings`, () => {
  const wrong = CONVOLUTIONS.map((sizes) => [describeConvolution(sizes), errorOf(sizes)] as const).filter(
    ([, e]) => !(e < 1e-5), // measured 2.6e-6 of the largest, in float32
  );
  expect(wrong).toEqual([]);
});

test.each([
  { inChannels: 1, outChannels: 1 },
  { inChannels: 30, outChannels: 32 },
  { inChannels: 33, outChannels: 17 },
  { inChannels: 8, outChannels: 64 },
])('it equals the definition for $inChannels to $outChannels channels over many samples', (channels) => {
  const sizes: NaiveConvolution = {
    batch: 9,
    height: 23,
    width: 22,
    kernel: [3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
    ...channels,
  };
  expect(errorOf(sizes)).toBeLessThan(1e-5); // measured 2.6e-6
});

test.each([
  ['same', 1],
  ['same', 2],
  ['valid', 3],
  [1, 2],
] as const)('the gradient of conv2d with padding %s and stride %d equals the cpu backend’s', async (pad, stride) => {
  const rounding = typeof pad === 'number' ? 'floor' : undefined;
  const { cpu, wasm } = await onBoth(() => {
    const x = noiseTensor<tf.Rank.R4>([3, 7, 9, 4], 1);
    const f = (w: tf.Tensor) => tf.sum(tf.square(tf.conv2d(x, w as tf.Tensor4D, stride, pad, 'NHWC', 1, rounding)));
    return [tf.grad(f)(noiseTensor([3, 3, 4, 5], 2))];
  });
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-5); // measured 3.8e-7
});

test('it follows finite differences through tf.pad and a strided convolution', () => {
  const x = noiseTensor<tf.Rank.R4>([2, 5, 6, 2], 5);
  const f = (w: tf.Tensor) => {
    const padded = tf.pad(x, [
      [0, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ]);
    return tf.sum(tf.square(tf.conv2d(padded, w as tf.Tensor4D, [1, 2], 'valid'))) as tf.Scalar;
  };
  const at = noise(54, 6);
  const value = (w: Float32Array) => tf.tidy(() => f(tf.tensor(w, [3, 3, 2, 3])).dataSync()[0]);
  const gradient = tf.tidy(() =>
    tf
      .grad(f)(tf.tensor(at, [3, 3, 2, 3]))
      .dataSync(),
  );
  expect(relativeError(gradient, finiteDifferences(value, at))).toBeLessThan(2e-3); // float32 differences of a square
  x.dispose();
});

test('it leaves one tensor, the one it returns', () => {
  const x = noiseTensor([2, 8, 8, 3], 1);
  const dy = noiseTensor([2, 4, 4, 5], 2);
  const before = tensorCounts();
  const attributes = { strides: [2, 2], pad: 'same', dataFormat: 'NHWC', filterShape: [3, 3, 3, 5] };
  const out = tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, attributes as never) as tf.Tensor;
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, x, dy]);
});
