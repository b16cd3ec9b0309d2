import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { useWasm } from '../testing/backend';
import { lossFixture } from '../testing/fixture';
import type { ExpertBatch } from './expert-loss';
import { contrastLoss, pairLoss, rampedWeight } from './expert-loss';

beforeAll(useWasm);

const { rows, width, clips, labels, visual, audio, cases } = lossFixture();
const embeddings = () => ({ visual: tf.tensor2d(visual, [rows, width]), audio: tf.tensor2d(audio, [rows, width]) });
const batch = (more: Partial<ExpertBatch>): ExpertBatch => ({
  frames: tf.zeros([rows, 1, 1, 1]),
  features: tf.zeros([rows, 1, 1, 1]),
  ...more,
});
const number = (scalar: tf.Scalar) => scalar.dataSync()[0];
const cosine = (row: number, column: number) =>
  Array.from({ length: width }, (_, d) => visual[row * width + d] * audio[column * width + d]).reduce(
    (sum, x) => sum + x,
    0,
  );
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('pairLoss', () => {
  test('is the cross-entropy of labelled pairs, with the mean cosine of each kind', () => {
    const parts = pairLoss()(embeddings(), batch({ labels: tf.tensor1d(labels) }));
    expect(number(parts.loss)).toBeCloseTo(cases.pairs.loss, 6); // measured 0; a float32 step at 3 is 2.4e-7
    const of = (label: number) => mean(labels.flatMap((own, row) => (own === label ? [cosine(row, row)] : [])));
    expect(number(parts.positiveCosine)).toBeCloseTo(of(1), 6); // measured 1.9e-8
    expect(number(parts.negativeCosine)).toBeCloseTo(of(0), 6); // measured 1.6e-8
  });

  test('gives NaN for a kind of pair that the batch does not have', () => {
    const parts = pairLoss()(embeddings(), batch({ labels: tf.ones([rows]) }));
    expect(number(parts.negativeCosine)).toBeNaN();
  });

  test('refuses a batch without labels', () => {
    expect(() => pairLoss()(embeddings(), batch({}))).toThrow(
      'pairLoss: batch.labels must be a tensor [batch] of 0 and 1, got undefined',
    );
  });
});

describe('contrastLoss', () => {
  test('is InfoNCE plus the weighted cross-entropy', () => {
    const alone = contrastLoss({ temperature: 0.07 })(embeddings(), batch({ clips }));
    expect(number(alone.loss)).toBeCloseTo(cases.contrast.loss, 6); // measured 0
    const sum = contrastLoss({ temperature: 0.07, crossEntropyWeight: 0.35 })(embeddings(), batch({ clips }));
    expect(number(sum.loss)).toBeCloseTo(cases.sum.loss, 6); // measured 0; a float32 step at 2.4 is 2.4e-7
  });

  test('reports the diagonal and the pairs beside it in the same clip', () => {
    const parts = contrastLoss({ temperature: 0.07 })(embeddings(), batch({ clips }));
    const positives = clips.map((_, row) => cosine(row, row));
    const negatives = clips.flatMap((clip, row) =>
      clips.flatMap((other, column) => (row !== column && clip === other ? [cosine(row, column)] : [])),
    );
    expect(number(parts.positiveCosine)).toBeCloseTo(mean(positives), 6); // measured 2.8e-8
    expect(number(parts.negativeCosine)).toBeCloseTo(mean(negatives), 6); // measured 1.6e-8
  });

  test('reports pairs of other clips where a clip has one window each', () => {
    const all = clips.map((_, row) => row);
    const parts = contrastLoss({ temperature: 0.07, otherClips: 'include' })(embeddings(), batch({ clips: all }));
    const negatives = all.flatMap((row) => all.flatMap((column) => (row !== column ? [cosine(row, column)] : [])));
    expect(number(parts.negativeCosine)).toBeCloseTo(mean(negatives), 6); // measured 6.9e-8
  });

  test('refuses a batch without clips, and a negative weight', () => {
    expect(() => contrastLoss({ temperature: 0.07 })(embeddings(), batch({}))).toThrow(
      'the clip index of each of the 6 rows, got 0 of them',
    );
    expect(() => contrastLoss({ temperature: 0.07, crossEntropyWeight: -1 })).toThrow(
      'crossEntropyWeight must be at least 0, got -1',
    );
  });
});

describe('rampedWeight', () => {
  test.each([
    [0, 0],
    [0.4, 0],
    [0.55, 0.35],
    [0.7, 0.7],
    [1, 0.7],
  ])('at %d of the run is %d', (progress, weight) => {
    expect(rampedWeight(progress)).toBeCloseTo(weight, 14); // measured 1.7e-16
  });

  test('takes its own start, end and height', () => {
    expect(rampedWeight(0.5, { start: 0, end: 1, weight: 2 })).toBe(1);
  });

  test('refuses an end before the start, and NaN', () => {
    expect(() => rampedWeight(0.5, { start: 0.8 })).toThrow('rampedWeight: end must be above start (0.8), got 0.7');
    expect(() => rampedWeight(NaN)).toThrow('rampedWeight: progress must be a share of the run, 0..1, got NaN');
  });
});
