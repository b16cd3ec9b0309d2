import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { Conv3d, type Conv3dOptions, samePadding } from './conv3d';

const { cases } = readFixture<{ cases: TorchCase<Omit<Conv3dOptions, 'random'>>[] }>('conv3d');
const random = new Random(1);

describe('Conv3d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const conv = new Conv3d({ ...each.options, random });
      expect(await compareWithTorch(conv, each)).toBeLessThan(1e-6); // measured 2.1e-7
      conv.dispose();
    },
  );

  test('takes one number for a cube', () => {
    const conv = new Conv3d({ inChannels: 1, outChannels: 2, kernelSize: 3, stride: 2, padding: 1, random });
    const y = conv.forward(tf.zeros([1, 5, 7, 9, 1]));
    expect(y.shape).toEqual([1, 3, 4, 5, 2]);
    y.dispose();
    conv.dispose();
  });

  test('leaves one tensor, the one it returns', () => {
    const conv = new Conv3d({
      inChannels: 2,
      outChannels: 3,
      kernelSize: [3, 1, 1],
      stride: [2, 1, 1],
      padding: 'same',
      random,
    });
    const x = tf.zeros([1, 4, 2, 2, 2]);
    const before = tf.memory().numTensors;
    const y = conv.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    tf.dispose([x, y]);
    conv.dispose();
  });

  test('refuses invalid sizes, other shapes and clips smaller than the kernel', () => {
    expect(() => new Conv3d({ inChannels: 1, outChannels: 1, kernelSize: [1, 0, 1], random })).toThrow(
      'Conv3d: kernelSize must be',
    );
    expect(() => new Conv3d({ inChannels: 1, outChannels: 1, kernelSize: 1, padding: 0.5, random })).toThrow(
      'Conv3d: padding must be',
    );
    const conv = new Conv3d({ inChannels: 1, outChannels: 1, kernelSize: 3, padding: [0, 1, 1], random });
    expect(() => conv.forward(tf.zeros([1, 2, 2, 2, 1]))).toThrow('at least 3 x 3 x 3 with its padding, got 2 x 4 x 4');
    expect(() => conv.forward(tf.zeros([1, 3, 3, 3, 2]))).toThrow('Conv3d.forward: x must be of shape');
    conv.dispose();
  });
});

test.each([
  [224, 7, 2, [2, 3]],
  [5, 3, 1, [1, 1]],
  [6, 2, 2, [0, 0]],
  [7, 2, 2, [0, 1]],
  [3, 1, 2, [0, 0]],
])('samePadding of %i with kernel %i and stride %i is TensorFlow’s %j', (side, kernel, stride, pads) => {
  expect(samePadding(side, kernel, stride)).toEqual(pads);
});
