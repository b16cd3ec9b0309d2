import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { Linear, type LinearOptions } from './linear';

const { cases } = readFixture<{ cases: TorchCase<Omit<LinearOptions, 'random'>>[] }>('linear');
const random = new Random(2);

describe('Linear', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const linear = new Linear({ ...each.options, random });
      expect(await compareWithTorch(linear, each)).toBeLessThan(1e-6); // measured 1.1e-7
      linear.dispose();
    },
  );

  test('initialises weights and bias from U(±1 / sqrt(inFeatures))', () => {
    const linear = new Linear({ inFeatures: 100, outFeatures: 400, random: new Random(3) });
    for (const variable of [linear.weight, linear.bias as tf.Variable]) {
      const values = variable.dataSync() as Float32Array;
      const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
      expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.1);
      expect(Math.abs(variance / (0.01 / 3) - 1)).toBeLessThan(0.15); // measured 0.046
    }
    linear.dispose();
  });

  test('leaves one tensor, the one it returns', () => {
    const linear = new Linear({ inFeatures: 2, outFeatures: 3, random });
    const x = tf.zeros([2, 2, 2]);
    const before = tf.memory().numTensors;
    const y = linear.forward(x);
    expect(y.shape).toEqual([2, 2, 3]);
    expect(tf.memory().numTensors).toBe(before + 1);
    linear.dispose();
    linear.dispose();
    expect(tf.memory().numTensors).toBe(before - 1);
  });

  test('refuses invalid options and another last axis', () => {
    expect(() => new Linear({ inFeatures: 1.5, outFeatures: 1, random })).toThrow(
      'Linear: inFeatures must be a whole number from 1, got 1.5',
    );
    const linear = new Linear({ inFeatures: 2, outFeatures: 3, random });
    expect(() => linear.forward(tf.zeros([2, 3]))).toThrow('Linear.forward: x must be of shape [..., 2], got [2, 3]');
  });
});
