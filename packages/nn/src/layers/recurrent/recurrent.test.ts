import { selectBackend } from '@lipsync/backends';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Random } from '../../random/random';
import { compareWithTorch, readFixture, relativeDifference, type TorchCase } from '../../testing/torch-case';
import { Gru } from './gru';
import { Lstm } from './lstm';
import type { RecurrentOptions } from './recurrent';

type Case = TorchCase<Omit<RecurrentOptions, 'random'>> & { kind: 'lstm' | 'gru' };
const { cases } = readFixture<{ cases: Case[] }>('recurrent');
const make = (kind: 'lstm' | 'gru', options: Omit<RecurrentOptions, 'random'>) =>
  new ({ lstm: Lstm, gru: Gru })[kind]({ ...options, random: new Random(5) });

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  beforeAll(async () => {
    if (backend === 'wasm') await selectBackend({ backend });
    else await tf.setBackend('cpu');
  });

  test.each(cases.map((each) => [each.kind, each.name, each] as const))(
    '%s equals PyTorch forward and backward: %s',
    async (kind, _, each) => {
      const layer = make(kind, each.options);
      const found = await compareWithTorch(layer, each);
      console.log('WORST', backend, kind, found);
      expect(found).toBeLessThan(2e-6); // measured 5.3e-7, both backends
      layer.dispose();
    },
  );

  test.each(['lstm', 'gru'] as const)('%s in pieces gives the outputs of the whole sequence', (kind) => {
    const layer = make(kind, { inputSize: 3, hiddenSize: 5, layers: 2 });
    const x = tf.randomNormal<tf.Rank.R3>([2, 11, 3], 0, 1, 'float32', 7);
    const whole = layer.forward(x);
    const before = tf.memory().numTensors;
    let state: ReturnType<typeof layer.advance>['state'] | undefined;
    const outputs: tf.Tensor3D[] = [];
    for (const [from, count] of [
      [0, 4],
      [4, 1],
      [5, 6],
    ]) {
      const piece = tf.slice3d(x, [0, from, 0], [2, count, 3]);
      const next = layer.advance(piece, state);
      tf.dispose([piece, state ?? []]);
      outputs.push(next.output);
      state = next.state;
    }
    const together = tf.concat3d(outputs, 1);
    expect(relativeDifference(together.dataSync(), whole.dataSync())).toBeLessThan(1e-6); // measured 1.2e-7
    tf.dispose([together, outputs, state ?? []]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, whole]);
    layer.dispose();
  });
});

describe('Lstm and Gru', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(['lstm', 'gru'] as const)('%s has slopes that finite differences confirm', (kind) => {
    const layer = make(kind, { inputSize: 2, hiddenSize: 3, layers: 2 });
    const x = tf.randomNormal<tf.Rank.R3>([2, 4, 2], 0, 1, 'float32', 3);
    const loss = (x: tf.Tensor) => tf.sum(tf.square(layer.forward(x))) as tf.Scalar;
    const slope = tf.grad(loss)(x);
    const step = 1e-2;
    const values = x.dataSync();
    for (const index of [0, 5, 15]) {
      const at = (move: number) =>
        tf.tidy(
          () =>
            loss(
              tf.tensor3d(
                values.map((value, i) => (i === index ? value + move : value)),
                [2, 4, 2],
              ),
            ).dataSync()[0],
        );
      const wanted = (at(step) - at(-step)) / (2 * step);
      expect(Math.abs(slope.dataSync()[index] - wanted)).toBeLessThan(2e-4); // the step's own error, measured 3e-5
    }
    tf.dispose([x, slope]);
    layer.dispose();
  });

  test('leave one tensor, the one they return, with and without a gradient', () => {
    for (const kind of ['lstm', 'gru'] as const) {
      const layer = make(kind, { inputSize: 2, hiddenSize: 3 });
      const x = tf.ones<tf.Rank.R3>([1, 4, 2]);
      const before = tf.memory().numTensors;
      const y = layer.forward(x);
      const slope = tf.grad((x) => layer.forward(x))(x);
      expect(tf.memory().numTensors).toBe(before + 2);
      tf.dispose([x, y, slope]);
      layer.dispose();
    }
  });

  test('refuse invalid sizes, other shapes, and the state of another layer', () => {
    expect(() => make('lstm', { inputSize: 2, hiddenSize: 0 })).toThrow(
      'Lstm: hiddenSize must be a whole number from 1, got 0',
    );
    const layer = make('gru', { inputSize: 2, hiddenSize: 3 });
    expect(() => layer.forward(tf.zeros([1, 4, 3]))).toThrow(
      'Gru.forward: x must be of shape [batch, time, 2] with at least one step, got [1, 4, 3]',
    );
    const x = tf.zeros([1, 1, 2]);
    const state = [[tf.zeros<tf.Rank.R2>([2, 3])]];
    expect(() => layer.advance(x, state)).toThrow(
      'Gru.advance: state must be 1 layers of 1 tensors [1, 3], got [2, 3]',
    );
    layer.dispose();
    tf.dispose([x, state]);
  });
});
