import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import {
  absoluteError,
  lipganContrastiveLoss,
  qualityDiscriminatorLoss,
  qualityGeneratorLoss,
} from './adversarial-loss';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('the quality losses are cross-entropies of sigmoids, and stay finite where those saturate', () => {
  const [real, made] = [tf.tensor([0.5, -1]), tf.tensor([2, 0])];
  const entropy = (score: number, target: number) => {
    const p = 1 / (1 + Math.exp(-score));
    return -(target * Math.log(p) + (1 - target) * Math.log(1 - p));
  };
  const wanted = (entropy(0.5, 1) + entropy(-1, 1)) / 2 + (entropy(2, 0) + entropy(0, 0)) / 2;
  const before = tf.memory().numTensors;
  const losses = [qualityDiscriminatorLoss(real, made), qualityGeneratorLoss(made)];
  expect(tf.memory().numTensors).toBe(before + 2);
  expect(losses[0].dataSync()[0]).toBeCloseTo(wanted, 6);
  expect(losses[1].dataSync()[0]).toBeCloseTo((entropy(2, 1) + entropy(0, 1)) / 2, 6);
  expect(qualityGeneratorLoss(tf.tensor([-200])).dataSync()[0]).toBeCloseTo(200, 3);
  expect(qualityGeneratorLoss(tf.tensor([200])).dataSync()[0]).toBe(0);
  expect(() => qualityGeneratorLoss(tf.zeros([0]))).toThrow('quality loss: scores must be at least one, got [0]');
});

test('the contrastive loss is the squared distance in sync, and the squared rest of the margin else', () => {
  const distances = tf.tensor1d([0.25, 0.5, 1.25]);
  const inSync = lipganContrastiveLoss(distances, 'in sync').dataSync()[0];
  expect(inSync).toBeCloseTo((0.0625 + 0.25 + 1.5625) / 3, 6);
  const outOfSync = lipganContrastiveLoss(distances, 'out of sync').dataSync()[0];
  expect(outOfSync).toBeCloseTo((0.5625 + 0.25) / 3, 6);
  expect(lipganContrastiveLoss(distances, 'out of sync', 0.5).dataSync()[0]).toBeCloseTo(0.0625 / 3, 6);
  expect(() => lipganContrastiveLoss(tf.tensor1d([]), 'in sync')).toThrow('distances must be of shape [n]');
});

test('the absolute error is that of all pixels, and refuses images of other shapes', () => {
  const [real, made] = [tf.zeros<tf.Rank.R4>([1, 2, 2, 3]), tf.fill<tf.Rank.R4>([1, 2, 2, 3], -0.5)];
  expect(absoluteError(real, made).dataSync()[0]).toBeCloseTo(0.5, 6);
  expect(() => absoluteError(real, tf.zeros([1, 2, 4, 3]))).toThrow('generated must be of shape [1, 2, 2, 3]');
});
