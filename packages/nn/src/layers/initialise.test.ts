import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { Random } from '../random/random';
import { kaimingUniform } from './initialise';

beforeAll(() => tf.setBackend('cpu'));

test('kaimingUniform is uniform in ±1 / sqrt(fanIn), the same for the same seed', () => {
  const one = kaimingUniform([50, 80], 16, new Random(1)).dataSync();
  const cells = new Array(8).fill(0);
  for (const value of one) cells[Math.floor((value + 0.25) * 16)]++;
  expect(cells.length).toBe(8);
  for (const count of cells) expect(Math.abs(count - 500)).toBeLessThan(100);
  expect(kaimingUniform([50, 80], 16, new Random(1)).dataSync()).toEqual(one);
});

test('kaimingUniform leaves one tensor, the one it returns', () => {
  const before = tf.memory().numTensors;
  kaimingUniform([2], 1, new Random(1)).dispose();
  expect(tf.memory().numTensors).toBe(before);
});
