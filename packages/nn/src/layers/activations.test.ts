import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { type Numbers, readFixture, tensorOf } from '../testing/torch-case';
import { gelu, leakyRelu, relu, silu } from './activations';

const fixture = readFixture<Record<'silu' | 'gelu' | 'relu', { x: Numbers; y: Numbers; slope: Numbers }>>('functions');

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerGradients();
});

const largest = (actual: ArrayLike<number>, expected: number[]) =>
  expected.reduce((worst, value, i) => Math.max(worst, Math.abs(actual[i] - value) / Math.max(1, Math.abs(value))), 0);

test.each([
  ['silu', silu, 5e-7],
  ['gelu', gelu, 7e-7],
  ['relu', relu, 1e-7],
] as const)('%s and its slope equal PyTorch', (name, f, tolerance) => {
  const { x, y, slope } = fixture[name];
  const input = tensorOf(x);
  expect(largest(f(input).dataSync(), y.data)).toBeLessThanOrEqual(tolerance);
  expect(
    largest(
      tf
        .grad((x) => f(x))(input)
        .dataSync(),
      slope.data,
    ),
  ).toBeLessThanOrEqual(tolerance);
});

test('leakyRelu is the slope below 0, and 1 above; at 0 the slope, as in PyTorch', () => {
  const x = tf.tensor1d([-3, -0.5, 0, 0.5, 2]);
  const wanted = [-0.03, -0.005, 0, 0.5, 2];
  expect(largest(leakyRelu(x, 0.01).dataSync(), wanted)).toBeLessThan(1e-7); // measured 6e-8
  const slopes = tf
    .grad((x) => leakyRelu(x, 0.01))(x)
    .dataSync();
  expect(largest(slopes, [0.01, 0.01, 0.01, 1, 1])).toBeLessThan(1e-7); // measured 6e-8
});

test.each([
  ['silu', silu],
  ['gelu', gelu],
  ['relu', relu],
  ['leakyRelu', (x: tf.Tensor) => leakyRelu(x, 0.2)],
] as const)('%s leaves one tensor, the one it returns', (_, f) => {
  const x = tf.ones([3]);
  const before = tf.memory().numTensors;
  const y = f(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  tf.dispose([x, y]);
});
