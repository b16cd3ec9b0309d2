import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { made, tensors, useWasm } from '../testing/loss-parts';
import { lsganDiscriminatorLoss, lsganGeneratorLoss } from './lsgan-loss';

beforeAll(useWasm);

test('lsganGeneratorLoss is the mean squared distance from 1, lsganDiscriminatorLoss half of those from 1 and 0', () => {
  const [real, generated] = [tf.tensor([1, 0.5]), tf.tensor([[0], [2]])];
  const before = tensors();
  const [discriminator, generator] = [lsganDiscriminatorLoss(real, generated), lsganGeneratorLoss(generated)];
  expect(tensors()).toBe(before + 2);
  expect(discriminator.dataSync()[0]).toBeCloseTo(0.5 * (0.25 / 2) + 0.5 * (4 / 2), 6); // measured 0 here and below
  expect(generator.dataSync()[0]).toBeCloseTo((1 + 1) / 2, 6);
  tf.dispose([real, generated, discriminator, generator]);
});

test('lsganDiscriminatorLoss is 0.25 for scores of one half, 0 for perfect ones', () => {
  const half = tf.fill([2, 3, 3, 1], 0.5);
  expect(lsganDiscriminatorLoss(half, half).dataSync()[0]).toBeCloseTo(0.25, 6); // measured 0
  expect(lsganDiscriminatorLoss(tf.ones([4]), tf.zeros([4])).dataSync()[0]).toBe(0);
});

test('both losses have the gradients of finite differences', () => {
  const scores = made('scores', [2, 2, 2, 1], -1, 2);
  for (const loss of [lsganGeneratorLoss, (x: tf.Tensor) => lsganDiscriminatorLoss(x, tf.mul(x, 0.5))]) {
    const gradient = tf.grad(loss)(scores).dataSync();
    for (const index of [0, 3, 7]) {
      const moved = (by: number) =>
        loss(tf.add(scores, tf.mul(by, tf.reshape(tf.oneHot(index, 8), [2, 2, 2, 1])))).dataSync()[0];
      // measured 5.4e-6: float32 losses, divided by a step of 0.02
      expect(gradient[index]).toBeCloseTo((moved(1e-2) - moved(-1e-2)) / 2e-2, 4);
    }
  }
});

test('both losses refuse a map without places', () => {
  expect(() => lsganGeneratorLoss(tf.zeros([0, 4]))).toThrow('lsgan: scores must be a map with places, got [0, 4]');
});
