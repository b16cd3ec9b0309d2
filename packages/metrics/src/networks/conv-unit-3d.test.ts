import '@tensorflow/tfjs-backend-cpu';
import { BatchNorm2d, Conv3d, Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { withBatchCounters } from './conv-unit';
import { ConvUnit3d } from './conv-unit-3d';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('ConvUnit3d is convolution, normalisation and ReLU one after the other, and leaves its result only', () => {
  const channels = ['weight', 'bias', 'running_mean', 'running_var'].map((name) => [`bn.${name}`, [4]] as const);
  const state = withBatchCounters(formulaStateDict([['conv3d.weight', [4, 2, 3, 3, 3]], ...channels]));
  const unit = new ConvUnit3d({ inChannels: 2, outChannels: 4, kernelSize: 3, stride: 2 });
  unit.loadStateDict(state);
  const conv = new Conv3d({
    inChannels: 2,
    outChannels: 4,
    kernelSize: 3,
    stride: 2,
    padding: 'same',
    bias: false,
    random: new Random(0),
  });
  const norm = new BatchNorm2d({ channels: 4, epsilon: 1e-3 }).eval();
  conv.loadStateDict(new Map([['weight', state.get('conv3d.weight')!]]));
  norm.loadStateDict(
    new Map([...state].filter(([name]) => name.startsWith('bn.')).map(([name, array]) => [name.slice(3), array])),
  );

  const x = tf.randomUniform<tf.Rank.R5>([1, 4, 5, 6, 2], -1, 1, 'float32', 3);
  const before = tf.memory().numTensors;
  const y = unit.forward(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  const wanted = tf.tidy(() => tf.relu(norm.forward(conv.forward(x))));
  expect(y.shape).toEqual([1, 2, 3, 3, 4]);
  expect(tf.tidy(() => tf.max(tf.abs(tf.sub(y, wanted))).dataSync()[0])).toBeLessThan(1e-6); // measured 0
  tf.dispose([x, y, wanted]);
  for (const module of [unit, conv, norm]) module.dispose();
});
