import { selectBackend } from '@lipsync/backends';
import { Random, registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { made } from '../testing/torch-numbers';
import { DownBlock, makeNorm, type NormKind, ResBlock, SameBlock, Sequence, UpBlock } from './blocks';

// Numbers and gradients are compared with PyTorch through whole generators: generator.test.ts.

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const options = (dimensions: 1 | 2, inChannels: number, outChannels: number, norm: NormKind = 'batch') =>
  ({ dimensions, inChannels, outChannels, kernelSize: 3, norm, random: new Random(0) }) as const;

describe('sizes', () => {
  test.each([
    [7, 10, 4, 5],
    [4, 5, 2, 3],
  ])('halving leaves of %d x %d pixels %d x %d', (height, width, rows, columns) => {
    const y = new DownBlock(options(2, 3, 4)).forward(tf.ones([1, height, width, 3]));
    expect(y.shape).toEqual([1, rows, columns, 4]);
  });

  test('over time likewise; UpBlock doubles', () => {
    expect(new DownBlock(options(1, 3, 4)).forward(tf.ones([2, 5, 3])).shape).toEqual([2, 3, 4]);
    expect(
      new UpBlock({ inChannels: 3, outChannels: 2, norm: 'instance', random: new Random(0) }).forward(
        tf.ones([1, 3, 5, 3]),
      ).shape,
    ).toEqual([1, 6, 10, 2]);
  });

  test('ResBlock has a shortcut convolution only where the channels change', () => {
    expect([...new ResBlock(options(2, 3, 4, 'none')).namedParameters().keys()]).toContain('channel_conv.weight');
    expect([...new ResBlock(options(2, 3, 3, 'none')).namedParameters().keys()]).toEqual([
      'conv1.weight',
      'conv1.bias',
      'conv2.weight',
      'conv2.bias',
    ]);
    expect(new ResBlock(options(2, 3, 4)).forward(tf.ones([1, 4, 4, 3])).shape).toEqual([1, 4, 4, 4]);
  });
});

describe('norms', () => {
  const spread = (kind: NormKind, x: tf.Tensor, axes: number[]) =>
    tf.tidy(() => {
      const { mean, variance } = tf.moments(makeNorm(kind, x.shape[x.rank - 1] as number).forward(x), axes);
      return [
        Math.max(...mean.dataSync().map(Math.abs)),
        Math.max(...variance.dataSync().map((value) => Math.abs(value - 1))),
      ];
    });

  test.each<[NormKind, number[]]>([
    ['batch', [0, 1]],
    ['layer', [1, 2]],
    ['instance', [1]],
  ])('%s over time leaves mean 0 and variance 1 over axes %s', (kind, axes) => {
    const [mean, variance] = spread(kind, made('x', [3, 5, 4], -2, 5), axes);
    expect(mean).toBeLessThan(5e-6); // measured 5.7e-7
    expect(variance).toBeLessThan(4e-4); // measured 4.7e-5: the norms add 1e-5 to the variance
  });

  test('instance and none have no parameters; none is the identity', () => {
    expect(makeNorm('instance', 3).parameterCount() + makeNorm('none', 3).parameterCount()).toBe(0);
    const x = made('x', [1, 2, 3], 0, 1);
    expect([...makeNorm('none', 3).forward(x).dataSync()]).toEqual([...x.dataSync()]);
  });
});

test('Sequence numbers its parts from 0; a call leaves one tensor', () => {
  const parts = new Sequence([new SameBlock(options(2, 3, 4)), new ResBlock(options(2, 4, 4))]);
  expect([...parts.namedParameters().keys()].slice(0, 5)).toEqual([
    '0.conv.weight',
    '0.conv.bias',
    '0.norm.weight',
    '0.norm.bias',
    '1.conv1.weight',
  ]);
  const x = tf.ones([1, 4, 4, 3]);
  const before = tf.memory().numTensors;
  const y = parts.forward(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  parts.dispose();
  tf.dispose([x, y]);
});
