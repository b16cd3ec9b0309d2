import { selectBackend } from '@lipsync/backends';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { made } from '../testing/torch-numbers';
import { MelFrontEnd } from './mel-front-end';

// Numbers and gradients are compared with PyTorch as part of the generator: generator.test.ts.

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test.each([5, 9, 16, 20])('MelFrontEnd maps %d steps to five of 29 values, and depends on every step', (steps) => {
  const front = new MelFrontEnd({ bins: 8, steps, channels: 16, random: new Random(0) });
  const features = made<tf.Tensor3D>('mel', [1, steps, 8], -4, 4);
  const y = front.forward(features);
  expect(y.shape).toEqual([1, 5, 29]);
  for (let step = 0; step < steps; step++) {
    const other = tf.tidy(() => front.forward(tf.add(features, tf.reshape(tf.oneHot([step], steps), [1, steps, 1]))));
    expect([...other.dataSync()]).not.toEqual([...y.dataSync()]);
    other.dispose();
  }
  front.dispose();
  tf.dispose([features, y]);
});

test('MelFrontEnd keeps loudness: silence and loud noise give different values', () => {
  const front = new MelFrontEnd({ bins: 80, steps: 16, channels: 32, random: new Random(0) });
  const before = tf.memory().numTensors;
  const size = (value: number) =>
    tf.tidy(() => tf.mean(tf.abs(front.forward(tf.fill([1, 16, 80], value)))).dataSync()[0]);
  expect(size(4)).toBeGreaterThan(2 * size(1));
  expect(tf.memory().numTensors).toBe(before);
  front.dispose();
});

test('MelFrontEnd refuses other shapes and too few steps', () => {
  const front = new MelFrontEnd({ bins: 80, steps: 16, channels: 4, random: new Random(0) });
  expect(() => front.forward(tf.zeros([1, 80, 16]))).toThrow(
    'MelFrontEnd.forward: features must be of shape [batch, 16, 80], got',
  );
  expect(() => new MelFrontEnd({ bins: 80, steps: 4, channels: 4, random: new Random(0) })).toThrow(
    'steps must be a whole number from 5, got 4',
  );
});
