import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { GroupNorm, type GroupNormOptions } from './group-norm';

const { cases } = readFixture<{ cases: TorchCase<GroupNormOptions>[] }>('group-norm');

describe('GroupNorm', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (name, each) => {
      const norm = new GroupNorm(each.options);
      // far from zero, the rounding of x itself is what remains
      expect(await compareWithTorch(norm, each)).toBeLessThan(name.endsWith('mean 30') ? 1e-5 : 1e-6);
      norm.dispose();
    },
  );

  test('gives each group mean 0 and variance 1 for any number of middle axes', () => {
    const norm = new GroupNorm({ groups: 2, channels: 4 });
    const x = tf.randomUniform([3, 2, 2, 2, 4], -5, 9, 'float32', 1);
    const y = norm.forward(x);
    const { mean, variance } = tf.moments(tf.reshape(y, [3, 8, 2, 2]), [1, 3]);
    for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5); // measured 5.6e-8
    for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 4); // measured 1.2e-6
  });

  test('leaves one tensor, the one it returns', () => {
    const norm = new GroupNorm({ groups: 1, channels: 2, activation: 'silu' });
    const x = tf.ones([1, 2, 2, 2]);
    const before = tf.memory().numTensors;
    tf.dispose(norm.forward(x));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses groups that do not divide the channels, and other channels', () => {
    expect(() => new GroupNorm({ groups: 3, channels: 8 })).toThrow(
      'GroupNorm: channels must be a multiple of groups (3), got 8',
    );
    expect(() => new GroupNorm({ groups: 2, channels: 4 }).forward(tf.ones([1, 2, 2, 2]))).toThrow(/\[batch, ..., 4\]/);
  });
});
