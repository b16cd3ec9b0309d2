import '@tensorflow/tfjs-backend-cpu';
import { BatchNorm2d, Conv2d, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { ConvUnit, withBatchCounters } from './conv-unit';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const SHAPES = [
  ['conv.weight', [4, 3, 1, 3]],
  ['bn.weight', [4]],
  ['bn.bias', [4]],
  ['bn.running_mean', [4]],
  ['bn.running_var', [4]],
] as const;

test('ConvUnit is convolution, normalisation and ReLU one after the other, and leaves its result only', () => {
  const state = withBatchCounters(formulaStateDict(SHAPES));
  const unit = new ConvUnit({ inChannels: 3, outChannels: 4, kernelSize: [1, 3], pad: 'same' });
  unit.loadStateDict(state);
  const conv = new Conv2d({
    inChannels: 3,
    outChannels: 4,
    kernelSize: [1, 3],
    padding: [0, 1],
    bias: false,
    random: new Random(0),
  });
  const norm = new BatchNorm2d({ channels: 4, epsilon: 1e-3 }).eval();
  const part = (prefix: string) =>
    new Map(
      [...state].filter(([name]) => name.startsWith(prefix)).map(([name, array]) => [name.slice(prefix.length), array]),
    );
  conv.loadStateDict(part('conv.'));
  norm.loadStateDict(part('bn.'));

  const x = tf.randomUniform<tf.Rank.R4>([2, 5, 6, 3], -1, 1, 'float32', 3);
  const before = tf.memory().numTensors;
  const y = unit.forward(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  const wanted = tf.tidy(() => tf.relu(norm.forward(conv.forward(x))));
  expect(y.shape).toEqual([2, 5, 6, 4]);
  const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(y, wanted))).dataSync()[0]);
  // measured 3.6e-7: the norm is folded into the kernel, which rounds each weight once more
  expect(difference).toBeLessThan(2e-6);
  tf.dispose([x, y, wanted]);
  for (const module of [unit, conv, norm]) module.dispose();
});

test('withBatchCounters adds a counter beside every running variance that has none', () => {
  const state = formulaStateDict(SHAPES);
  const complete = withBatchCounters(state);
  expect(complete.size).toBe(state.size + 1);
  expect(complete.get('bn.num_batches_tracked')).toEqual({ dtype: 'int64', shape: [], data: BigInt64Array.of(0n) });
  expect(withBatchCounters(complete)).toEqual(complete);
});
