import '@tensorflow/tfjs-backend-cpu';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { scoreMapLoss } from './score-map-loss';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerGradients();
});

test('scoreMapLoss compares every place with the label, scores clamped to 0..1', async () => {
  const map = tf.tensor4d([0.5, 1.5, -1, 0.25], [2, 2, 1, 1]);
  const loss = scoreMapLoss(map, tf.tensor1d([1, 0]));
  // 0.5 and 1 against 1; 0 and 0.25 against 0
  expect((await loss.data())[0]).toBeCloseTo((0.25 + 0 + 0 + 0.0625) / 4, 6);
});

test('scoreMapLoss passes the gradient of clamped scores, so that they can return', async () => {
  const map = tf.tensor4d([0.5, 3, -2, 0.25], [2, 2, 1, 1]);
  const slope = await tf
    .grad((x) => scoreMapLoss(x as tf.Tensor4D, tf.tensor1d([1, 1])))(map)
    .data();
  // 2 (clamped - y) / 4
  expect(Array.from(slope, (value) => value + 0)).toEqual([-0.25, 0, -0.5, -0.375]);
});

test('scoreMapLoss leaves one tensor and refuses another number of labels', () => {
  const [map, labels] = [tf.zeros<tf.Rank.R4>([2, 1, 1, 1]), tf.ones<tf.Rank.R1>([2])];
  const before = tf.memory().numTensors;
  const loss = scoreMapLoss(map, labels);
  expect(tf.memory().numTensors).toBe(before + 1);
  tf.dispose(loss);
  expect(() => scoreMapLoss(map, tf.ones([3]))).toThrow('scoreMapLoss: labels must be [2]');
});
