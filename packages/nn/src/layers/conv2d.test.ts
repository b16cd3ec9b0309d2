import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { Conv2d, type Conv2dOptions } from './conv2d';

const { cases } = readFixture<{ cases: TorchCase<Omit<Conv2dOptions, 'random'>>[] }>('conv2d');
const random = new Random(1);

describe('Conv2d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const conv = new Conv2d({ ...each.options, random });
      expect(await compareWithTorch(conv, each)).toBeLessThan(1e-6); // measured 2e-7
      conv.dispose();
    },
  );

  test('pads a copy where the kernels of the backend cannot pad, with the same result', async () => {
    await tf.setBackend('cpu');
    const [backend] = [tf.getBackend()];
    tf.registerBackend('lent', () => tf.engine().findBackend(backend));
    tf.copyRegisteredKernels('cpu', 'lent');
    await tf.setBackend('lent');
    for (const each of cases.slice(1, 4)) {
      const conv = new Conv2d({ ...each.options, random });
      expect(await compareWithTorch(conv, each)).toBeLessThan(1e-6); // measured 2.2e-7
      conv.dispose();
    }
    await tf.setBackend('cpu');
  });

  test('takes padding as one number and as a pair', () => {
    const one = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: 2, random });
    const pair = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: [0, 1], random });
    expect(one.forward(tf.zeros([1, 4, 4, 1])).shape).toEqual([1, 6, 6, 1]);
    expect(pair.forward(tf.zeros([1, 4, 4, 1])).shape).toEqual([1, 2, 4, 1]);
  });

  test('takes every second pixel with a dilation of 2, and refuses dilation with a stride', async () => {
    const options = { inChannels: 1, outChannels: 1, kernelSize: 3, bias: false, random };
    const conv = new Conv2d({ ...options, dilation: 2, padding: 2 });
    const wide = tf.tensor4d(
      Array.from({ length: 25 }, (_, i) => (i === 12 ? 1 : 0)),
      [1, 5, 5, 1],
    );
    const y = conv.forward(wide); // a point shows the kernel, mirrored, with gaps
    expect(y.shape).toEqual([1, 5, 5, 1]);
    const [shown, kernel] = [await y.data(), await conv.weight.data()];
    const at = [0, 2, 4].flatMap((row) => [0, 2, 4].map((column) => shown[row * 5 + column]));
    expect([...at]).toEqual([...kernel].reverse());
    expect(shown.filter((value) => value !== 0)).toHaveLength(9);
    expect(() => new Conv2d({ ...options, dilation: 2, stride: 2 })).toThrow(
      'Conv2d: dilation must be 1 together with a stride',
    );
    tf.dispose([wide, y]);
    conv.dispose();
  });

  test('initialises weights and bias from U(±1 / sqrt(fan-in))', () => {
    const conv = new Conv2d({ inChannels: 16, outChannels: 64, kernelSize: 3, random: new Random(3) });
    const bound = 1 / Math.sqrt(144);
    const weights = conv.weight.dataSync() as Float32Array;
    const variance = weights.reduce((sum, value) => sum + value ** 2, 0) / weights.length;
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1); // measured 0.0012
    expect(Math.max(...(conv.bias as tf.Variable).dataSync().map(Math.abs))).toBeLessThanOrEqual(bound);
    conv.dispose();
  });

  test('leaves one tensor, the one it returns', () => {
    const conv = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1, random });
    const x = tf.zeros([1, 4, 4, 2]);
    const before = tf.memory().numTensors;
    const y = conv.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, y]);
    conv.dispose();
  });

  test('refuses invalid options, other channels, images smaller than the kernel, and use after dispose', () => {
    expect(() => new Conv2d({ inChannels: 0, outChannels: 1, kernelSize: 3, random })).toThrow(
      'Conv2d: inChannels must be a whole number from 1, got 0',
    );
    expect(() => new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: -1, random })).toThrow(/padding/);
    const conv = new Conv2d({ inChannels: 1, outChannels: 1, kernelSize: 3, random });
    expect(() => conv.forward(tf.zeros([1, 4, 4, 2]))).toThrow(
      'Conv2d.forward: x must be of shape [batch, height, width, 1], got [1, 4, 4, 2]',
    );
    expect(() => conv.forward(tf.zeros([1, 2, 4, 1]))).toThrow(/at least 3 x 3 pixels/);
    conv.dispose();
    expect(() => conv.forward(tf.zeros([1, 4, 4, 1]))).toThrow('Conv2d.forward: this module must be in use');
  });
});

test('Conv2d with freesPackedKernel gives the same values and gradients, and leaves one tensor', () => {
  const conv = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1, random: new Random(1) });
  const x = tf.randomUniform<tf.Rank.R4>([1, 5, 5, 2], -1, 1, 'float32', 7);
  const slope = () =>
    tf
      .grad((input) => tf.sum(tf.square(conv.forward(input))))(x)
      .dataSync();
  const [values, slopes] = [conv.forward(x).dataSync(), slope()];
  conv.freesPackedKernel = true;
  const before = tf.memory().numTensors;
  const y = conv.forward(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(y.dataSync()).toEqual(values);
  expect(slope()).toEqual(slopes);
  conv.dispose();
});
