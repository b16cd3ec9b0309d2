import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { Conv1d, type Conv1dOptions } from './conv1d';

const { cases } = readFixture<{ cases: TorchCase<Omit<Conv1dOptions, 'random'>>[] }>('conv1d');
const random = new Random(1);

describe('Conv1d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const conv = new Conv1d({ ...each.options, random });
      expect(await compareWithTorch(conv, each)).toBeLessThan(1e-6); // measured 3.5e-7
      conv.dispose();
    },
  );

  test('leaves one tensor, the one it returns', () => {
    const conv = new Conv1d({ inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1, random });
    const x = tf.zeros([1, 4, 2]);
    const before = tf.memory().numTensors;
    const y = conv.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, y]);
    conv.dispose();
  });

  test('refuses invalid sizes, other shapes and sequences shorter than the kernel', () => {
    expect(() => new Conv1d({ inChannels: 0, outChannels: 1, kernelSize: 1, random })).toThrow(
      'Conv1d: inChannels must be',
    );
    expect(() => new Conv1d({ inChannels: 1, outChannels: 1, kernelSize: 1, padding: -1, random })).toThrow(
      'Conv1d: padding must be',
    );
    const conv = new Conv1d({ inChannels: 2, outChannels: 1, kernelSize: 5, padding: 1, random });
    expect(() => conv.forward(tf.zeros([1, 2, 2]))).toThrow(
      'Conv1d.forward: x must be of shape [batch, steps, 2] with at least 3 steps',
    );
    expect(() => conv.forward(tf.zeros([1, 5, 3]))).toThrow('[1, 5, 3]');
    conv.dispose();
  });
});
