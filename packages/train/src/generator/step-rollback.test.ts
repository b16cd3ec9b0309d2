import { AdamW, BatchNorm2d } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { made, tensors, useWasm } from '../testing/trainer-parts';
import { StepRollback } from './step-rollback';

beforeAll(useWasm);

test('StepRollback puts weights, running statistics, means and the count of steps back, to the bit, and leaves no tensor', async () => {
  const net = new BatchNorm2d({ channels: 3 });
  const optimizer = new AdamW(net.namedParameters(), { learningRate: 0.1 });
  const gradients = new Map([...net.namedParameters().keys()].map((name) => [name, made(name, [3], -1, 1)]));
  optimizer.step(gradients);
  const all = async () => ({ net: await net.stateDict(), optimizer: await optimizer.state() });
  const [wanted, count] = [await all(), tensors()];
  const before = new StepRollback(net, optimizer);
  optimizer.step(gradients);
  net.forward(made('x', [2, 4, 4, 3])).dispose();
  expect(await all()).not.toEqual(wanted);
  before.restore();
  before.dispose();
  before.dispose();
  expect(await all()).toEqual(wanted);
  expect(optimizer.stepCount).toBe(1);
  expect(tensors()).toBe(count + 1); // made's
});

test('StepRollback without an optimiser keeps only what a forward pass changes', async () => {
  const net = new BatchNorm2d({ channels: 2 });
  const before = new StepRollback(net);
  net.forward(made('x', [2, 4, 4, 2]));
  const weight = net.weight as tf.Variable;
  weight.assign(tf.tensor([5, 6]));
  before.restore();
  before.dispose();
  const state = await net.stateDict();
  expect([...state.get('running_mean')!.data]).toEqual([0, 0]);
  expect([...state.get('weight')!.data]).toEqual([5, 6]);
});
