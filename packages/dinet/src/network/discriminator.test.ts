import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareGradients, difference, fillMade, made, REFERENCE } from '../testing/torch-numbers';
import { DinetDiscriminator } from './discriminator';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

const shapesOf = async (net: DinetDiscriminator) =>
  [...(await net.stateDict())].map(([name, { shape }]) => [name, shape]);

test.each(REFERENCE.discriminators)(
  'DinetDiscriminator of $frameCount frames has PyTorch’s scores, loss and gradients',
  async (reference) => {
    const { frameCount, n, height, width, output, dx, gradients } = reference;
    const net = new DinetDiscriminator({ frameCount, width: 4, seed: 0 });
    await fillMade(net);
    const x = made<tf.Tensor4D>('judged', [n, height, width, 3 * frameCount], 0, 1);
    const scores = net.forward(x);
    expect(difference(scores.dataSync(), output)).toBeLessThan(2e-6); // measured 2.8e-7
    const loss = (x: tf.Tensor) =>
      tf.mul(tf.mean(tf.square(tf.sub(net.forward(x as tf.Tensor4D), 1))), 100) as tf.Scalar;
    const compared = compareGradients(net, loss, { x: [x, dx] }, gradients);
    expect(compared.wrong).toEqual({});
    expect(compared.largest).toBeLessThan(0.01); // measured 0.0016 of the bound, 2e-6 of the largest slopes
    expect(compared.loss).toBeCloseTo(reference.loss, 3); // measured 3.7e-5, five float32 steps at 74
    net.dispose();
    tf.dispose([x, scores]);
  },
);

test.each([
  ['frame', 1, 2_628_737],
  ['clip', 5, 2_653_313],
] as const)(
  'DinetDiscriminator of a %s at full width has the published names and shapes',
  async (name, frameCount, count) => {
    const net = new DinetDiscriminator({ frameCount, seed: 0 });
    expect((await shapesOf(net)).sort()).toEqual([...REFERENCE.shapes[name]].sort());
    expect(net.parameterCount()).toBe(count);
    net.dispose();
  },
);

test.each([
  [104, 80, 7, 4],
  [208, 160, 20, 14],
  [53, 54, 1, 1],
])('frames of %d x %d get %d x %d scores', (height, width, rows, columns) => {
  const net = new DinetDiscriminator({ frameCount: 1, width: 1, seed: 0 });
  const x = tf.zeros([1, height, width, 3]) as tf.Tensor4D;
  const before = tf.memory().numTensors;
  const scores = net.forward(x);
  expect(scores.shape).toEqual([1, rows, columns, 1]);
  expect(tf.memory().numTensors).toBe(before + 1);
  net.dispose();
  tf.dispose([x, scores]);
});

describe('DinetDiscriminator refuses', () => {
  const discriminator = () => new DinetDiscriminator({ frameCount: 1, width: 1, seed: 0 });
  const rule = 'DinetDiscriminator.forward: x must be of shape [n, height, width, 3] with sides of at least 53 pixels';
  test.each([
    ['frames that are too small', () => discriminator().forward(tf.zeros([1, 104, 52, 3])), rule],
    ['another frame count', () => discriminator().forward(tf.zeros([1, 104, 80, 15])), rule],
    [
      'no frames',
      () => new DinetDiscriminator({ frameCount: 0, seed: 0 }),
      'DinetDiscriminator: frameCount must be a whole number from 1, got 0',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });
});
