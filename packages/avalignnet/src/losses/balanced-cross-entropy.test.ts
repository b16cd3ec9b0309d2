import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { lossFixture } from '../testing/fixture';
import { balancedCrossEntropy } from './balanced-cross-entropy';

beforeAll(async () => {
  await useWasm();
  registerGradients();
});

const { rows, width, clips, visual, audio, cases } = lossFixture();
const embeddings = () => [visual, audio].map((data) => tf.tensor2d(data, [rows, width]));

test('balancedCrossEntropy and its gradients equal PyTorch', () => {
  const loss = (v: tf.Tensor, a: tf.Tensor) => balancedCrossEntropy(v as tf.Tensor2D, a as tf.Tensor2D, { clips });
  const { value, grads } = tf.valueAndGrads(loss)(embeddings());
  expect(value.dataSync()[0]).toBeCloseTo(cases.balanced.loss, 6); // measured 0; a float32 step at 2 is 2.4e-7
  const scale = Math.max(...cases.balanced.visualGradient.map(Math.abs));
  // measured 5e-8
  expect(largestDifference(grads[0].dataSync(), cases.balanced.visualGradient) / scale).toBeLessThan(1e-6);
  // measured 4e-8
  expect(largestDifference(grads[1].dataSync(), cases.balanced.audioGradient) / scale).toBeLessThan(1e-6);
});

test('balancedCrossEntropy is ln 2 for a cosine of one half, with any share and kind of negatives', () => {
  const half = tf.fill([3, 4], Math.SQRT1_2 / 2) as tf.Tensor2D;
  const other = tf.fill([3, 4], Math.SQRT1_2 / 2) as tf.Tensor2D;
  for (const clips of [
    [0, 0, 0],
    [0, 1, 2],
    [0, 0, 1],
  ]) {
    const loss = balancedCrossEntropy(half, other, { clips, sameClipShare: 0.25 });
    expect(loss.dataSync()[0]).toBeCloseTo(Math.LN2, 6); // measured 1.9e-9; a float32 step is 6e-8
  }
});

test('balancedCrossEntropy leaves one tensor', () => {
  const [v, a] = embeddings();
  const before = tensors();
  const loss = balancedCrossEntropy(v, a, { clips });
  expect(tensors()).toBe(before + 1);
  loss.dispose();
});

test('balancedCrossEntropy refuses one row, and shares outside 0..1', () => {
  expect(() => balancedCrossEntropy(tf.eye(1), tf.eye(1), { clips: [0] })).toThrow(
    'balancedCrossEntropy: the batch must be of two rows at least, got 1',
  );
  const share = { clips: [0, 0], sameClipShare: 1.5 };
  expect(() => balancedCrossEntropy(tf.eye(2), tf.eye(2), share)).toThrow('sameClipShare must be from 0 to 1, got 1.5');
});
