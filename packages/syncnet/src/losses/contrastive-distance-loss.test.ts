import '@tensorflow/tfjs-backend-cpu';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { contrastiveDistanceLoss, pairDistance } from './contrastive-distance-loss';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerGradients();
});

const VISUAL = [
  [0, 0, 0],
  [3, 4, 0],
  [1, 1, 1],
];
const AUDIO = [
  [1, 0, 0],
  [0, 0, 0],
  [1, 1, 5],
];
const tensors = () => [tf.tensor2d(VISUAL), tf.tensor2d(AUDIO), tf.tensor1d([1, 0, 0])] as const;

test('contrastiveDistanceLoss draws pairs in sync together and pushes others apart as far as the margin', async () => {
  const [visual, audio, labels] = tensors();
  expect(Array.from(await pairDistance(visual, audio).data(), (value) => Math.round(value * 1e4) / 1e4)).toEqual([
    1, 5, 4,
  ]);
  // distances 1 (in sync), 5 and 4 (off): (1 + (4.5 - 5 below 0) + 0.25) / 3 / 2
  const { loss, positiveDistance, negativeDistance } = contrastiveDistanceLoss(visual, audio, labels, { margin: 4.5 });
  expect((await loss.data())[0]).toBeCloseTo((1 + 0 + 0.25) / 6, 4);
  expect((await positiveDistance.data())[0]).toBeCloseTo(1, 5); // measured 1e-6, which PyTorch adds to every difference
  expect((await negativeDistance.data())[0]).toBeCloseTo(4.5, 6); // measured 0
});

test('contrastiveDistanceLoss has the gradient of finite differences, and leaves three tensors', () => {
  const [visual, audio, labels] = tensors();
  const f = (x: tf.Tensor) => contrastiveDistanceLoss(x as tf.Tensor2D, audio, labels, { margin: 7 }).loss;
  const slope = tf.grad(f)(visual).dataSync();
  const step = 1e-3;
  VISUAL.flat().forEach((value, i) => {
    const moved = (by: number) =>
      f(
        tf.tensor2d(
          VISUAL.flat().map((other, j) => (j === i ? value + by : other)),
          [3, 3],
        ),
      ).dataSync()[0];
    // measured 1.3e-4: float32 losses, divided by a step of 2e-3
    expect(slope[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 2);
  });
  const before = tf.memory().numTensors;
  const parts = contrastiveDistanceLoss(visual, audio, labels);
  expect(tf.memory().numTensors).toBe(before + 3);
  tf.dispose(parts);
});

test('contrastiveDistanceLoss refuses other shapes and margins', () => {
  const [visual, audio, labels] = tensors();
  expect(() => contrastiveDistanceLoss(visual, tf.zeros([3, 2]), labels)).toThrow("of visual's shape [3, 3]");
  expect(() => contrastiveDistanceLoss(visual, audio, tf.zeros([2]))).toThrow('labels must be [3]');
  expect(() => contrastiveDistanceLoss(visual, audio, labels, { margin: 0 })).toThrow('margin must be above 0');
});
