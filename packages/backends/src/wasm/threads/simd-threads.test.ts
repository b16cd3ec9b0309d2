import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { describeConvolution, explicitPadding } from '../../testing/convolution-cases';
import { type NaiveConvolution, naiveGradients, outputSize } from '../../testing/naive-convolution';
import { noise, noiseTensor, onBoth, relativeError, tensorCounts } from '../../testing/wasm';
import type { WasmBackend } from '../heap';
import { startWasm } from '../start-wasm';
import { simdThreads, split } from './simd-threads';

beforeAll(async () => {
  expect(await startWasm({ threads: 3 })).toEqual({ threads: 3, accelerator: null });
});

test.each([
  [
    10,
    3,
    1,
    [
      [0, 3],
      [3, 7],
      [7, 10],
    ],
  ],
  [
    2,
    3,
    1,
    [
      [0, 1],
      [1, 2],
    ],
  ],
  [
    10,
    2,
    4,
    [
      [0, 8],
      [8, 10],
    ],
  ],
  [3, 2, 4, [[0, 3]]],
  [0, 2, 1, [[0, 0]]],
])('split shares %d things among %d threads in units of %d', (count, threads, unit, shares) => {
  expect(split(count, threads, unit)).toEqual(shares);
});

test('three threads share the SIMD kernels', () => {
  expect(simdThreads(tf.backend() as unknown as WasmBackend)).toBe(3);
});

const SIZES: NaiveConvolution[] = [
  {
    batch: 3,
    height: 9,
    width: 12,
    inChannels: 30,
    outChannels: 32,
    kernel: [3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
  },
  {
    batch: 3,
    height: 9,
    width: 23,
    inChannels: 7,
    outChannels: 12,
    kernel: [3, 3],
    strides: [2, 2],
    padding: [0, 1, 0, 1],
  },
  {
    batch: 7,
    height: 9,
    width: 12,
    inChannels: 16,
    outChannels: 8,
    kernel: [3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
  },
  {
    batch: 1,
    height: 9,
    width: 9,
    inChannels: 1,
    outChannels: 8,
    kernel: [1, 1],
    strides: [1, 1],
    padding: [0, 0, 0, 0],
  },
  {
    batch: 2,
    height: 3,
    width: 3,
    inChannels: 8,
    outChannels: 8,
    kernel: [3, 3],
    strides: [1, 1],
    padding: [1, 1, 1, 1],
  },
];

test.each(SIZES.map((sizes) => [describeConvolution(sizes), sizes] as const))(
  'the filter gradient of %s equals the definition',
  (_, sizes) => {
    const { batch, height, width, inChannels, outChannels, kernel, strides } = sizes;
    const [outHeight, outWidth] = outputSize(sizes);
    const x = noise(batch * height * width * inChannels, 1);
    const dy = noise(batch * outHeight * outWidth * outChannels, 2);
    const filterShape = [...kernel, inChannels, outChannels];
    const attributes = { strides, pad: explicitPadding(sizes), dataFormat: 'NHWC', filterShape };
    const inputs = () => ({
      x: tf.tensor(x, [batch, height, width, inChannels]),
      dy: tf.tensor(dy, [batch, outHeight, outWidth, outChannels]),
    });
    const actual = tf.tidy(() =>
      (tf.engine().runKernel('Conv2DBackpropFilter', inputs(), attributes as never) as tf.Tensor).dataSync(),
    );
    const { dw } = naiveGradients(sizes, x, new Float32Array(tf.util.sizeFromShape(filterShape)), dy);
    expect(relativeError(actual, dw)).toBeLessThan(1e-5); // measured 8.1e-7
  },
);

test.each([
  [[5, 7, 3, 32], 8],
  [[1, 4, 4, 8], 2],
  [[2, 64], 32],
] as [number[], number][])(
  'GroupNorm with SiLU of %j and its gradient equal the cpu backend’s composition',
  async (shape, groups) => {
    const channels = shape.at(-1)!;
    const composed = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
      const grouped = tf.reshape(x, [shape[0], -1, groups, channels / groups]);
      const { mean, variance } = tf.moments(grouped, [1, 3], true);
      const z = tf.add(
        tf.mul(tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-3))), shape), gamma),
        beta,
      );
      return tf.mul(z, tf.sigmoid(z));
    };
    const fused = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
      (
        tf
          .engine()
          .runKernel(
            FUSED_KERNELS.groupNorm,
            { x, gamma, beta },
            { groups, epsilon: 1e-3, activation: 'silu' },
          ) as tf.Tensor[]
      )[0];
    const { cpu, wasm } = await onBoth(() => {
      const f = tf.getBackend() === 'cpu' ? composed : fused;
      const at = [noiseTensor(shape, 1), noiseTensor([channels], 2), noiseTensor([channels], 3)];
      const target = noiseTensor(shape, 4);
      const loss = (...inputs: tf.Tensor[]) => tf.sum(tf.mul(f(inputs[0], inputs[1], inputs[2]), target));
      return [f(at[0], at[1], at[2]), ...tf.grads(loss)(at)];
    });
    wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(1e-5)); // measured 2.3e-6
  },
);

test('two runs give the same bits, and leave no tensor', () => {
  const run = () =>
    tf.tidy(() => {
      const inputs = { x: noiseTensor([6, 8, 8, 32], 1), gamma: noiseTensor([32], 2), beta: noiseTensor([32], 3) };
      const f = (x: tf.Tensor) =>
        (
          tf
            .engine()
            .runKernel(
              FUSED_KERNELS.groupNorm,
              { ...inputs, x },
              { groups: 4, epsilon: 1e-5, activation: 'silu' },
            ) as tf.Tensor[]
        )[0];
      return tf.grad(f)(inputs.x).dataSync();
    });
  const before = tensorCounts();
  expect(run()).toEqual(run());
  expect(tensorCounts()).toEqual(before);
});
