import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { InstanceNorm2d, type InstanceNorm2dOptions } from './instance-norm2d';

const { cases } = readFixture<{ cases: TorchCase<InstanceNorm2dOptions>[] }>('instance-norm');

describe('InstanceNorm2d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const norm = new InstanceNorm2d(each.options);
      expect(await compareWithTorch(norm, each)).toBeLessThan(1e-6); // measured 2.9e-7
      norm.dispose();
    },
  );

  test('has no state unless affine, and leaves one tensor', () => {
    const norm = new InstanceNorm2d({ channels: 2 });
    expect(norm.namedParameters().size).toBe(0);
    const x = tf.ones([1, 2, 2, 2]);
    const before = tf.memory().numTensors;
    const y = norm.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    y.dispose();
  });

  test('refuses a single pixel in training mode, other channels and invalid options', () => {
    const norm = new InstanceNorm2d({ channels: 2 });
    expect(() => norm.forward(tf.ones([1, 1, 1, 2]))).toThrow(/more than one pixel/);
    expect(norm.eval().forward(tf.ones([1, 1, 1, 2])).shape).toEqual([1, 1, 1, 2]);
    expect(() => norm.forward(tf.ones([1, 2, 2, 3]))).toThrow(/\[batch, height, width, 2\]/);
    expect(() => new InstanceNorm2d({ channels: 0 })).toThrow(
      'InstanceNorm2d: channels must be a whole number from 1, got 0',
    );
  });
});
