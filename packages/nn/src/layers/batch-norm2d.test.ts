import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import {
  compareWithTorch,
  readFixture,
  relativeDifference,
  stateOf,
  type TorchCase,
  tensorOf,
} from '../testing/torch-case';
import { BatchNorm2d, type BatchNorm2dOptions } from './batch-norm2d';

const { cases } = readFixture<{ cases: TorchCase<BatchNorm2dOptions>[] }>('batch-norm');

describe('BatchNorm2d', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const norm = new BatchNorm2d(each.options);
      expect(await compareWithTorch(norm, each)).toBeLessThan(2e-6); // measured 1.2e-7
      norm.dispose();
    },
  );

  test.each(cases.map((each) => [each.name, each] as const))(
    'keeps running statistics as PyTorch over two batches: %s',
    async (_, each) => {
      registerGradients();
      const norm = new BatchNorm2d(each.options).train(each.training);
      norm.loadStateDict(stateOf(each.state));
      const x = tensorOf(each.x);
      norm.forward(tf.add(tf.mul(x, 2), 1));
      const dx = tf.grad((x) => norm.forward(x))(x, tensorOf(each.dy)); // the gradient must not disturb the following
      expect(relativeDifference(dx.dataSync(), each.dx.data)).toBeLessThan(2e-6); // measured 1.4e-7
      const after = await norm.stateDict();
      for (const [name, { data }] of Object.entries(each.stateAfter ?? {})) {
        // measured 1.8e-7
        expect(relativeDifference(Array.from(after.get(name)?.data as ArrayLike<number>, Number), data)).toBeLessThan(
          1e-6,
        );
      }
      norm.dispose();
    },
  );

  test('saves the count of batches as int64 like PyTorch, and loads it', async () => {
    const norm = new BatchNorm2d({ channels: 1 });
    norm.forward(tf.tensor([1, 2], [2, 1]));
    const state = await norm.stateDict();
    expect(state.get('num_batches_tracked')).toEqual({ dtype: 'int64', shape: [], data: BigInt64Array.of(1n) });
    const other = new BatchNorm2d({ channels: 1 });
    other.loadStateDict(state);
    expect(await other.stateDict()).toEqual(state);
  });

  test('leaves one tensor, the one it returns', () => {
    const norm = new BatchNorm2d({ channels: 2 });
    const x = tf.randomUniform([2, 2, 2, 2], 0, 1, 'float32', 1);
    const before = tf.memory().numTensors;
    tf.dispose(norm.forward(x));
    tf.dispose(norm.eval().forward(x));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses one value per channel in training mode, other channels and invalid options', () => {
    const norm = new BatchNorm2d({ channels: 2 });
    expect(() => norm.forward(tf.ones([1, 2]))).toThrow(/more than one value per channel/);
    expect(() => norm.forward(tf.ones([1, 3]))).toThrow(/\[batch, ..., 2\]/);
    expect(() => new BatchNorm2d({ channels: 2, momentum: 2 })).toThrow(
      'BatchNorm2d: momentum must be from 0 to 1, or null, got 2',
    );
  });
});
