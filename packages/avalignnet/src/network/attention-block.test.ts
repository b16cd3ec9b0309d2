import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { random } from '../testing/small';
import { AttentionBlock } from './attention-block';

beforeAll(useWasm);

const block = (dropout = 0) => new AttentionBlock({ channels: 64, dropout, random: new Random(2) });

// The values are compared with PyTorch where whole networks are, in avalignnet.test.ts.
describe('AttentionBlock', () => {
  test('knows no positions: turning the map turns the result', () => {
    const net = block();
    const x = random(1, [2, 3, 5, 64]);
    const turn = (map: tf.Tensor) => tf.transpose(map, [0, 2, 1, 3]) as tf.Tensor4D;
    // measured 4.8e-7: the sums run in another order
    expect(largestDifference(net.forward(turn(x)).dataSync(), turn(net.forward(x)).dataSync())).toBeLessThan(5e-6);
    net.dispose();
  });

  test('adds its input unchanged where conv_out says nothing', async () => {
    const net = block();
    const state = await net.stateDict();
    for (const name of ['conv_out.weight', 'conv_out.bias']) (state.get(name)!.data as Float32Array).fill(0);
    net.loadStateDict(state);
    const x = random(1, [1, 2, 3, 64]);
    expect(largestDifference(net.forward(x).dataSync(), x.dataSync())).toBe(0);
    net.dispose();
  });

  test('drops in training mode only', () => {
    const net = block(0.5).eval();
    const x = random(1, [1, 2, 2, 64]);
    const twice = () => largestDifference(net.forward(x).dataSync(), net.forward(x).dataSync());
    expect(twice()).toBe(0);
    net.train();
    expect(twice()).toBeGreaterThan(0);
    net.dispose();
  });

  test('leaves one tensor', () => {
    const net = block();
    const x = random(1, [1, 2, 3, 64]);
    const before = tensors();
    const y = net.forward(x);
    expect(tensors()).toBe(before + 1);
    y.dispose();
    net.dispose();
  });
});
