import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { LayerNorm, type LayerNormOptions } from './layer-norm';

const { cases } = readFixture<{ cases: TorchCase<LayerNormOptions>[] }>('layer-norm');

describe('LayerNorm', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (name, each) => {
      const norm = new LayerNorm(each.options);
      expect(await compareWithTorch(norm, each)).toBeLessThan(name.includes('far') ? 5e-6 : 1e-6); // measured 8.9e-7
      norm.dispose();
    },
  );

  test('gives each row mean 0 and variance 1, and leaves one tensor', () => {
    const norm = new LayerNorm({ features: 8 });
    const x = tf.randomUniform([3, 8], -5, 9, 'float32', 1);
    const before = tf.memory().numTensors;
    const y = norm.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    const { mean, variance } = tf.moments(y, 1);
    for (const value of mean.dataSync()) expect(value).toBeCloseTo(0, 5); // measured 3.7e-8
    for (const value of variance.dataSync()) expect(value).toBeCloseTo(1, 4); // measured 1.3e-6
  });

  test('refuses another last axis and a size of 0', () => {
    expect(() => new LayerNorm({ features: 2 }).forward(tf.ones([2, 3]))).toThrow(/\[..., 2\], got \[2, 3\]/);
    expect(() => new LayerNorm({ features: 0 })).toThrow('LayerNorm: features must be a whole number from 1, got 0');
  });
});
