import { GegluFeedForward, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../test-support/backend';
import { random } from '../test-support/small';
import { FeedForward } from './feed-forward';

beforeAll(useWasm);

const tokens = () => tf.reshape(random(1, [2, 3, 1, 32], 2), [2, 3, 32]) as tf.Tensor3D;

describe('FeedForward', () => {
  test('without dropout is the GegluFeedForward of @lipsync/nn, weight for weight', async () => {
    const [ours, theirs] = [new FeedForward({ channels: 32, dropout: 0, random: new Random(1) }), new GegluFeedForward({ channels: 32, random: new Random(2) })];
    ours.loadStateDict(await theirs.stateDict());
    const x = tokens();
    expect(largestDifference(ours.forward(x).dataSync(), theirs.forward(x).dataSync())).toBeLessThan(1e-6);
    ours.dispose();
    theirs.dispose();
  });

  test('drops hidden numbers in training mode only: the mean over many masks stays', () => {
    const net = new FeedForward({ channels: 32, dropout: 0.2, random: new Random(1) }).eval();
    const x = tokens();
    const still = net.forward(x);
    expect(largestDifference(still.dataSync(), net.forward(x).dataSync())).toBe(0);
    net.train();
    const masked = Array.from({ length: 200 }, () => net.forward(x));
    const mean = tf.mean(tf.stack(masked), 0);
    const spread = tf.sqrt(tf.mean(tf.square(tf.sub(masked[0], still)))).dataSync()[0];
    const bias = tf.sqrt(tf.mean(tf.square(tf.sub(mean, still)))).dataSync()[0];
    expect(spread).toBeGreaterThan(0.001);
    expect(bias).toBeLessThan(spread / 5);
    net.dispose();
  });

  test('leaves one tensor', () => {
    const net = new FeedForward({ channels: 32, dropout: 0.2, random: new Random(1) });
    const x = tokens();
    const before = tensors();
    const y = net.forward(x);
    expect(tensors()).toBe(before + 1);
    y.dispose();
    net.dispose();
  });
});
