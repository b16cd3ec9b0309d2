import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { lossFixture } from '../testing/fixture';
import { binaryCrossEntropy, clampCosine, pairCosine } from './binary-cross-entropy';

beforeAll(async () => {
  await useWasm();
  registerGradients();
});

describe('binaryCrossEntropy', () => {
  const { rows, width, labels, visual, audio, cases } = lossFixture();

  test('and its gradients equal PyTorch, a clamped cosine of 0 included', () => {
    const both = [visual, audio].map((data) => tf.tensor2d(data, [rows, width]));
    const loss = (v: tf.Tensor, a: tf.Tensor) =>
      binaryCrossEntropy(pairCosine(v as tf.Tensor2D, a as tf.Tensor2D), tf.tensor1d(labels));
    const { value, grads } = tf.valueAndGrads(loss)(both);
    expect(value.dataSync()[0]).toBeCloseTo(cases.pairs.loss, 6); // measured 0; a float32 step at 3 is 2.4e-7
    // Terms of 1 / s for cosines of 0.2: relative to the largest.
    const scale = Math.max(...cases.pairs.visualGradient.map(Math.abs));
    expect(largestDifference(grads[0].dataSync(), cases.pairs.visualGradient) / scale).toBeLessThan(2e-6);
    // measured 6.8e-8
    expect(largestDifference(grads[1].dataSync(), cases.pairs.audioGradient) / scale).toBeLessThan(1e-6);
  });

  test('is finite for cosines of 0, 1 and slightly above, with right and wrong labels', () => {
    const cosine = tf.tensor1d([0, 0, 1, 1, 1 + 2e-7]);
    const loss = (labels: number[]) => binaryCrossEntropy(cosine, tf.tensor1d(labels)).dataSync()[0];
    expect(loss([0, 0, 1, 1, 1])).toBeCloseTo(0, 5); // measured 1.2e-7: the clamp keeps the cosines 1e-7 from 0 and 1
    expect(loss([1, 1, 0, 0, 0])).toBeGreaterThan(15);
    expect(loss([1, 1, 0, 0, 0])).toBeLessThan(16.2);
  });

  test('is ln 2 for a cosine of one half', () => {
    // measured 1.9e-9; a float32 step is 6e-8
    expect(binaryCrossEntropy(tf.tensor1d([0.5, 0.5]), tf.tensor1d([1, 0])).dataSync()[0]).toBeCloseTo(Math.LN2, 6);
  });

  test('leaves one tensor', () => {
    const [cosine, labels] = [tf.tensor1d([0.5]), tf.tensor1d([1])];
    const before = tensors();
    const loss = binaryCrossEntropy(cosine, labels);
    expect(tensors()).toBe(before + 1);
    loss.dispose();
  });

  test('refuses labels of another length', () => {
    expect(() => binaryCrossEntropy(tf.tensor1d([0.5]), tf.tensor1d([1, 0]))).toThrow(
      "binaryCrossEntropy: labels must be of cosine's shape [1], got [2]",
    );
  });
});

describe('pairCosine', () => {
  test('multiplies row by row', () => {
    const cosine = pairCosine(
      tf.tensor2d([
        [1, 0],
        [0.6, 0.8],
      ]),
      tf.tensor2d([
        [0, 1],
        [0.8, 0.6],
      ]),
    );
    // measured 3.8e-8: 0.6 and 0.8 as float32
    expect(largestDifference(cosine.dataSync(), [0, 0.96])).toBeLessThan(2e-7);
  });

  test('refuses batches of different sizes', () => {
    expect(() => pairCosine(tf.zeros([2, 4]), tf.zeros([3, 4]))).toThrow(
      "pairCosine: audio must be of visual's shape [2, 4], got [3, 4]",
    );
  });
});

describe('clampCosine', () => {
  test('stays inside 0 and 1 in float32', () => {
    const [low, high] = clampCosine(tf.tensor1d([-1, 2])).dataSync();
    expect(low).toBeGreaterThan(0);
    expect(high).toBeLessThan(1);
  });
});
