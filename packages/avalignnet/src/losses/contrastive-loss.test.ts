import { registerGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { lossFixture } from '../testing/fixture';
import { ContrastiveTemperature, contrastiveLoss } from './contrastive-loss';

beforeAll(async () => {
  await useWasm();
  registerGradients();
});

const { rows, width, clips, visual, audio, cases } = lossFixture();
const embeddings = () => [visual, audio].map((data) => tf.tensor2d(data, [rows, width]));

describe('contrastiveLoss', () => {
  test.each([
    ['contrast', 'exclude'],
    ['contrastOtherClips', 'include'],
    ['contrastClamped', 'include'],
  ] as const)('%s and its gradients equal PyTorch', (name, otherClips) => {
    const expected = cases[name];
    const head = new ContrastiveTemperature({ temperature: Math.exp(-expected.logTemperature) });
    const loss = (v: tf.Tensor, a: tf.Tensor) =>
      contrastiveLoss(v as tf.Tensor2D, a as tf.Tensor2D, { clips, temperature: head, otherClips });
    const { value, grads } = tf.valueAndGrads(loss)(embeddings());
    expect(Math.abs(value.dataSync()[0] - expected.loss)).toBeLessThan(1e-5);
    const scale = Math.max(...expected.visualGradient.map(Math.abs));
    expect(largestDifference(grads[0].dataSync(), expected.visualGradient) / scale).toBeLessThan(1e-5);
    expect(largestDifference(grads[1].dataSync(), expected.audioGradient) / scale).toBeLessThan(1e-5);
    const [v, a] = embeddings();
    const { gradients } = valueAndGradients(head, () => loss(v, a));
    expect(gradients.get('log_temperature')?.dataSync()[0]).toBeCloseTo(expected.logTemperatureGradient, 4);
    head.dispose();
  });

  test('takes a fixed temperature', () => {
    const [v, a] = embeddings();
    expect(contrastiveLoss(v, a, { clips, temperature: 0.07 }).dataSync()[0]).toBeCloseTo(cases.contrast.loss, 5);
  });

  test('is near 0 where every window finds its own, ln 2 where two of a clip are alike', () => {
    const apart = tf.eye(4);
    expect(contrastiveLoss(apart, apart, { clips: [0, 0, 1, 1], temperature: 0.05 }).dataSync()[0]).toBeLessThan(1e-6);
    const alike = tf.tensor2d([
      [1, 0],
      [1, 0],
    ]);
    expect(contrastiveLoss(alike, alike, { clips: [0, 0], temperature: 0.05 }).dataSync()[0]).toBeCloseTo(Math.LN2, 6);
  });

  test('leaves one tensor', () => {
    const [v, a] = embeddings();
    const before = tensors();
    const loss = contrastiveLoss(v, a, { clips, temperature: 0.1 });
    expect(tensors()).toBe(before + 1);
    loss.dispose();
  });

  test('refuses a batch without negatives', () => {
    const two = tf.eye(2);
    expect(() => contrastiveLoss(two, two, { clips: [0, 1], temperature: 0.1 })).toThrow(
      'contrastiveLoss: clips must be such that a clip has two rows at least, got [0, 1]',
    );
    expect(() =>
      contrastiveLoss(tf.eye(1), tf.eye(1), { clips: [0], temperature: 0.1, otherClips: 'include' }),
    ).toThrow('of two rows at least');
    expect(() => contrastiveLoss(two, two, { clips: [0, 0], temperature: 0 })).toThrow(
      'temperature must be above 0, got 0',
    );
  });
});

describe('ContrastiveTemperature', () => {
  test('has one parameter, log_temperature, and starts at 1 / 0.07', () => {
    const head = new ContrastiveTemperature();
    expect([...head.namedParameters().keys()]).toEqual(['log_temperature']);
    expect(head.scale().dataSync()[0]).toBeCloseTo(1 / 0.07, 4);
    head.dispose();
  });

  test('stays at or below a factor of 100', () => {
    const head = new ContrastiveTemperature({ temperature: 0.001 });
    expect(head.scale().dataSync()[0]).toBe(100);
    head.dispose();
  });

  test('refuses a temperature of 0', () => {
    expect(() => new ContrastiveTemperature({ temperature: 0 })).toThrow(
      'ContrastiveTemperature: temperature must be above 0, got 0',
    );
  });
});
