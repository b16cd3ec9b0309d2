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
    // measured 3.8e-6, where the temperature is at its clamp: logits of 100, whose float32 steps are 7.6e-6
    expect(Math.abs(value.dataSync()[0] - expected.loss)).toBeLessThan(2e-5);
    const scale = Math.max(...expected.visualGradient.map(Math.abs));
    // measured 1.6e-7
    expect(largestDifference(grads[0].dataSync(), expected.visualGradient) / scale).toBeLessThan(2e-6);
    expect(largestDifference(grads[1].dataSync(), expected.audioGradient) / scale).toBeLessThan(2e-6); // measured 2e-7
    const [v, a] = embeddings();
    const { gradients } = valueAndGradients(head, () => loss(v, a));
    // measured 9.5e-7
    expect(gradients.get('log_temperature')?.dataSync()[0]).toBeCloseTo(expected.logTemperatureGradient, 5);
    head.dispose();
  });

  test('takes a fixed temperature', () => {
    const [v, a] = embeddings();
    // measured 0; a float32 step at 1.7 is 1.2e-7
    expect(contrastiveLoss(v, a, { clips, temperature: 0.07 }).dataSync()[0]).toBeCloseTo(cases.contrast.loss, 6);
  });

  test('is near 0 where every window finds its own, ln 2 where two of a clip are alike', () => {
    const apart = tf.eye(4);
    // measured 0: the others weigh exp(-20), 2e-9 each
    expect(contrastiveLoss(apart, apart, { clips: [0, 0, 1, 1], temperature: 0.05 }).dataSync()[0]).toBeLessThan(1e-6);
    const alike = tf.tensor2d([
      [1, 0],
      [1, 0],
    ]);
    // measured 1.9e-9; a float32 step is 6e-8
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
    expect(head.scale().dataSync()[0]).toBeCloseTo(1 / 0.07, 5); // measured 1.4e-7; a float32 step at 14 is 9.5e-7
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
