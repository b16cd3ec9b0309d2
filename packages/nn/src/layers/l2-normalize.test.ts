import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { type Numbers, readFixture, relativeDifference, tensorOf } from '../testing/torch-case';
import { l2Normalize } from './l2-normalize';

const { l2Normalize: fixture } = readFixture<{ l2Normalize: Record<'x' | 'y' | 'dy' | 'dx', Numbers> }>('functions');

describe('l2Normalize', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
    registerGradients();
  });

  test('equals PyTorch forward and backward, row by row', () => {
    const [x, dy] = [tensorOf(fixture.x), tensorOf(fixture.dy)];
    const y = l2Normalize(x).dataSync();
    const dx = tf
      .grad((x) => l2Normalize(x))(x, dy)
      .dataSync();
    expect(relativeDifference(y, fixture.y.data)).toBeLessThan(3e-7); // measured 6.9e-8
    for (let row = 0; row < 4; row++) {
      const part = [row * 6, row * 6 + 6] as const;
      // measured 2.4e-7
      expect(relativeDifference(dx.slice(...part), fixture.dx.data.slice(...part))).toBeLessThan(1e-6);
    }
  });

  test('keeps a zero vector, with a finite gradient', () => {
    const zero = tf.zeros([1, 3]);
    expect([...l2Normalize(zero).dataSync()]).toEqual([0, 0, 0]);
    const slope = tf.grad((x) => l2Normalize(x, 0.5))(zero, tf.tensor([[1, -2, 0]]));
    expect([...slope.dataSync()]).toEqual([2, -4, 0]);
  });

  test('leaves one tensor, the one it returns', () => {
    const x = tf.ones([2, 3]);
    const before = tf.memory().numTensors;
    tf.dispose(l2Normalize(x));
    expect(tf.memory().numTensors).toBe(before);
  });
});
