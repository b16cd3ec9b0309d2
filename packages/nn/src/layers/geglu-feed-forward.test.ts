import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { GegluFeedForward, type GegluFeedForwardOptions } from './geglu-feed-forward';

const { cases } = readFixture<{ cases: TorchCase<Omit<GegluFeedForwardOptions, 'random'>>[] }>('geglu-feed-forward');
const random = new Random(5);

describe('GegluFeedForward', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const feedForward = new GegluFeedForward({ ...each.options, random });
      expect(await compareWithTorch(feedForward, each)).toBeLessThan(1e-6); // measured 1.4e-7
      feedForward.dispose();
    },
  );

  test('leaves one tensor, the one it returns', () => {
    const feedForward = new GegluFeedForward({ channels: 2, random });
    const x = tf.ones([1, 3, 2]);
    const before = tf.memory().numTensors;
    expect(feedForward.forward(x).shape).toEqual([1, 3, 2]);
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  test('drops hidden values in training mode only, and keeps the mean over many masks', () => {
    const feedForward = new GegluFeedForward({ channels: 8, dropout: 0.2, random: new Random(1) }).eval();
    const x = tf.randomNormal<tf.Rank.R3>([2, 3, 8], 0, 1, 'float32', 3);
    const distance = (a: tf.Tensor, b: tf.Tensor) => tf.sqrt(tf.mean(tf.square(tf.sub(a, b)))).dataSync()[0];
    const still = feedForward.forward(x);
    expect(distance(feedForward.forward(x), still)).toBe(0);
    feedForward.train();
    const masked = Array.from({ length: 200 }, () => feedForward.forward(x));
    const spread = distance(masked[0], still);
    expect(spread).toBeGreaterThan(0.001); // measured 0.069
    expect(distance(tf.mean(tf.stack(masked), 0), still)).toBeLessThan(spread / 5);
    feedForward.dispose();
  });

  test('refuses another last axis', () => {
    expect(() => new GegluFeedForward({ channels: 2, random }).forward(tf.ones([1, 3]))).toThrow(
      /\[..., 2\], got \[1, 3\]/,
    );
  });
});
