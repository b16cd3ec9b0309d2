import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { random } from '../testing/small';
import type { DownsampleFactor } from './config';
import { ResnetBlock } from './resnet-block';

beforeAll(useWasm);

const block = (factor: DownsampleFactor, outChannels = 32, dropout = 0) =>
  new ResnetBlock({ inChannels: 32, outChannels, factor, dropout, random: new Random(1) });

// The values are compared with PyTorch where whole networks are, in avalignnet.test.ts.
describe('ResnetBlock', () => {
  test.each<[DownsampleFactor, number[]]>([
    [1, [7, 10]],
    [2, [3, 5]],
    [3, [2, 3]],
    [
      [1, 2],
      [7, 5],
    ],
    [
      [2, 1],
      [3, 10],
    ],
    [
      [2, 3],
      [3, 3],
    ],
  ])('with factor %j makes a map of 7x10 to %j', (factor, size) => {
    const net = block(factor, 64);
    expect(net.forward(random(1, [2, 7, 10, 32])).shape).toEqual([2, ...size, 64]);
    net.dispose();
  });

  test('adds its input unchanged where the width stays and the second convolution says nothing', async () => {
    const net = block(1);
    const state = await net.stateDict();
    for (const name of ['conv2.weight', 'conv2.bias']) (state.get(name)!.data as Float32Array).fill(0);
    net.loadStateDict(state);
    const x = random(1, [1, 4, 4, 32]);
    expect(largestDifference(net.forward(x).dataSync(), x.dataSync())).toBe(0);
    net.dispose();
  });

  test('looks one pixel further to the right and below when it strides, never to the left', async () => {
    const net = block(2);
    const state = await net.stateDict();
    // Everything off but the identity shortcut and a closing convolution that sums its window.
    for (const name of ['conv2.weight', 'conv2.bias', 'downsample_conv.bias'])
      (state.get(name)!.data as Float32Array).fill(0);
    (state.get('downsample_conv.weight')!.data as Float32Array).fill(1 / 32);
    net.loadStateDict(state);
    const y = net.forward(tf.ones([1, 4, 4, 32]));
    const [first] = tf.unstack(tf.reshape(y, [4, 32]), 1);
    // measured 0; sums of up to 288 terms of 1/32 in float32
    expect(largestDifference(first.dataSync(), [9, 6, 6, 4])).toBeLessThan(4e-6);
    net.dispose();
  });

  test('drops in training mode only', () => {
    const net = block(1, 32, 0.5).eval();
    const x = random(1, [1, 4, 4, 32]);
    const twice = () => largestDifference(net.forward(x).dataSync(), net.forward(x).dataSync());
    expect(twice()).toBe(0);
    net.train();
    expect(twice()).toBeGreaterThan(0);
    net.dispose();
  });

  test('leaves one tensor', () => {
    const net = block([1, 2], 64);
    const x = random(1, [1, 4, 4, 32]);
    const before = tensors();
    const y = net.forward(x);
    expect(tensors()).toBe(before + 1);
    y.dispose();
    net.dispose();
  });
});
