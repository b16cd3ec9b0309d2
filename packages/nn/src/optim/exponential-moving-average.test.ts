import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { BatchNorm2d } from '../layers/batch-norm2d';
import { ExponentialMovingAverage } from './exponential-moving-average';

const weight = async (average: ExponentialMovingAverage) =>
  (await average.stateDict()).get('weight')?.data[0] as number;

describe('ExponentialMovingAverage', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('averages by its formula, without and with warm-up', async () => {
    for (const warmup of [false, true]) {
      const module = new BatchNorm2d({ channels: 1 });
      const average = new ExponentialMovingAverage(module, { decay: 0.9, warmup });
      let expected = 1;
      for (let step = 0; step < 5; step++) {
        module.weight?.assign(tf.tensor([step * step]));
        average.update(step);
        const decay = warmup ? Math.min(0.9, (1 + step) / (10 + step)) : 0.9;
        expected += (1 - decay) * (step * step - expected);
      }
      expect(await weight(average)).toBeCloseTo(expected, 5); // measured 3.5e-7
    }
  });

  test('copies buffers, and its state fits the module', async () => {
    const module = new BatchNorm2d({ channels: 1 });
    const average = new ExponentialMovingAverage(module, { decay: 0.5 });
    module.forward(tf.tensor([1, 5], [2, 1]));
    average.update(0);
    const state = await average.stateDict();
    expect(state.get('running_mean')?.data[0]).toBeCloseTo(0.3, 6); // measured 1.2e-8
    expect(state.get('num_batches_tracked')?.data[0]).toBe(1n);
    new BatchNorm2d({ channels: 1 }).loadStateDict(state);
  });

  test('resumes from its own state, and names what does not fit', async () => {
    const module = new BatchNorm2d({ channels: 1 });
    const one = new ExponentialMovingAverage(module, { decay: 0.5 });
    module.weight?.assign(tf.tensor([9]));
    const other = new ExponentialMovingAverage(module, { decay: 0.5 });
    other.loadStateDict(await one.stateDict());
    expect(await weight(other)).toBe(1);
    expect(() => other.loadStateDict(new Map())).toThrow(/ExponentialMovingAverage.loadStateDict: .*5 missing: weight/);
  });

  test('owns one tensor for each parameter and buffer until disposed', () => {
    const module = new BatchNorm2d({ channels: 1 });
    const before = tf.memory().numTensors;
    const average = new ExponentialMovingAverage(module, { decay: 0.5 });
    for (let step = 0; step < 3; step++) average.update(step);
    expect(tf.memory().numTensors).toBe(before + 5);
    average.dispose();
    average.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect((module.weight as tf.Variable).dataSync()[0]).toBe(1);
  });

  test('refuses a decay of 1', () => {
    expect(() => new ExponentialMovingAverage(new BatchNorm2d({ channels: 1 }), { decay: 1 })).toThrow(
      /decay must be at least 0 and below 1/,
    );
  });
});
