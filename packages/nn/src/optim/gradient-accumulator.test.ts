import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { disposeGradients, valueAndGradients } from '../autograd/value-and-gradients';
import { Linear } from '../layers/linear';
import { Random } from '../random/random';
import { GradientAccumulator } from './gradient-accumulator';

const of = (value: number) => new Map<string, tf.Tensor>([['w', tf.tensor([value])]]);

describe('GradientAccumulator', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('the parts of a batch, weighted by their sizes, give the gradient of the whole', () => {
    const layer = new Linear({ inFeatures: 3, outFeatures: 1, random: new Random(1) });
    const x = tf.randomUniform<tf.Rank.R2>([5, 3], -1, 1, 'float32', 1);
    const gradientsOf = (rows: tf.Tensor2D) =>
      valueAndGradients(layer, () => tf.mean(tf.square(layer.forward(rows)))).gradients;
    const accumulator = new GradientAccumulator();
    for (const [begin, size] of [
      [0, 2],
      [2, 3],
    ])
      accumulator.add(gradientsOf(tf.slice(x, [begin, 0], [size, 3])), size);
    expect(accumulator.weight).toBe(5);
    const taken = accumulator.take();
    for (const [name, whole] of gradientsOf(x)) {
      taken
        .get(name)
        ?.dataSync()
        .forEach((value, i) => expect(value).toBeCloseTo(whole.dataSync()[i], 6)); // measured 3e-8
    }
  });

  test('starts again after take, owns one tensor for each name and borrows its arguments', () => {
    const accumulator = new GradientAccumulator();
    const [a, b] = [of(1), of(4)];
    const before = tf.memory().numTensors;
    accumulator.add(a);
    accumulator.add(b);
    expect(tf.memory().numTensors).toBe(before + 1);
    const taken = accumulator.take();
    expect([...(taken.get('w') as tf.Tensor).dataSync()]).toEqual([2.5]);
    disposeGradients(taken);
    accumulator.add(a);
    const again = accumulator.take();
    expect([...(again.get('w') as tf.Tensor).dataSync()]).toEqual([1]);
    disposeGradients(again);
    expect([...(a.get('w') as tf.Tensor).dataSync()]).toEqual([1]);
    accumulator.add(a);
    accumulator.dispose();
    accumulator.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('refuses other names, a weight of 0 and take before add', () => {
    const accumulator = new GradientAccumulator();
    expect(() => accumulator.take()).toThrow('GradientAccumulator.take: add must be called before, got nothing');
    accumulator.add(of(1));
    expect(() => accumulator.add(new Map([['v', tf.scalar(1)]]))).toThrow(
      /under the 1 names of those before, got \[v\]/,
    );
    expect(() => accumulator.add(of(1), 0)).toThrow(/weight must be above 0/);
  });
});
