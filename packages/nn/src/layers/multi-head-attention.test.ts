import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../random/random';
import { compareWithTorch, readFixture, type TorchCase } from '../testing/torch-case';
import { MultiHeadAttention, type MultiHeadAttentionOptions } from './multi-head-attention';

type Options = Omit<MultiHeadAttentionOptions, 'random'>;
const { cases } = readFixture<{ cases: TorchCase<Options>[] }>('multi-head-attention');
const random = new Random(4);

describe('MultiHeadAttention', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(cases.map((each) => [each.name, each] as const))(
    'equals PyTorch forward and backward: %s',
    async (_, each) => {
      const attention = new MultiHeadAttention({ ...each.options, random });
      expect(await compareWithTorch(attention, each)).toBeLessThan(5e-6); // measured 2e-6, on q and k
      attention.dispose();
    },
  );

  test('is equivariant to the order of tokens, and leaves one tensor', () => {
    const attention = new MultiHeadAttention({ channels: 4, heads: 2, random });
    const x = tf.randomUniform([1, 3, 4], -1, 1, 'float32', 1);
    const before = tf.memory().numTensors;
    const y = attention.forward(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    const turned = tf.reverse(attention.forward(tf.reverse(x, 1)), 1);
    turned.dataSync().forEach((value, i) => expect(value).toBeCloseTo(y.dataSync()[i], 6)); // equal here
  });

  test('has no bias on q, k and v with bias: false', () => {
    const attention = new MultiHeadAttention({ channels: 4, heads: 2, bias: false, random });
    expect([...attention.namedParameters().keys()]).toEqual([
      'to_q.weight',
      'to_k.weight',
      'to_v.weight',
      'to_out.0.weight',
      'to_out.0.bias',
    ]);
  });

  test('refuses heads that do not divide the channels, and other shapes', () => {
    expect(() => new MultiHeadAttention({ channels: 10, heads: 4, random })).toThrow(
      'MultiHeadAttention: channels must be a multiple of heads (4), got 10',
    );
    expect(() => new MultiHeadAttention({ channels: 4, heads: 4, random }).forward(tf.ones([1, 4]))).toThrow(
      /\[batch, tokens, 4\]/,
    );
  });
});
