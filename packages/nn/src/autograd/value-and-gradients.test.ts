import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { BatchNorm2d } from '../layers/batch-norm2d';
import { GroupNorm } from '../layers/group-norm';
import { Linear } from '../layers/linear';
import { Module } from '../module/module';
import { AdamW } from '../optim/adamw';
import { clipGradientNorm } from '../optim/clip-gradient-norm';
import { ExponentialMovingAverage } from '../optim/exponential-moving-average';
import { GradientAccumulator } from '../optim/gradient-accumulator';
import { Random } from '../random/random';
import { disposeGradients, parametersOf, valueAndGradients } from './value-and-gradients';

const linear = (inFeatures: number, outFeatures: number, seed: number) =>
  new Linear({ inFeatures, outFeatures, random: new Random(seed) });

class Net extends Module {
  readonly first = this.register('first', linear(3, 4, 1));
  readonly norm = this.register('norm', new GroupNorm({ groups: 2, channels: 4, activation: 'silu' }));
  readonly batch = this.register('batch', new BatchNorm2d({ channels: 4 }));
  readonly last = this.register('last', linear(4, 1, 2));
  loss(x: tf.Tensor2D): tf.Scalar {
    return tf.mean(tf.square(this.last.forward(this.batch.forward(this.norm.forward(this.first.forward(x))))));
  }
}

describe('valueAndGradients', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('gives value and gradients of a loss whose derivative is known, in order of registration', () => {
    const layer = linear(1, 1, 3);
    layer.weight.assign(tf.tensor([[3]]));
    layer.bias?.assign(tf.tensor([1]));
    const { value, gradients } = valueAndGradients(layer, () => tf.mean(tf.square(layer.forward(tf.tensor([[2]])))));
    expect(value.dataSync()[0]).toBe(49);
    expect([...gradients].map(([name, gradient]) => [name, [...gradient.dataSync()]])).toEqual([
      ['weight', [28]],
      ['bias', [14]],
    ]);
  });

  test('does not differentiate variables of other modules', () => {
    const [one, other] = [linear(2, 2, 4), linear(2, 2, 5)];
    const { gradients } = valueAndGradients(one, () => tf.sum(other.forward(one.forward(tf.ones([1, 2])))));
    expect([...gradients.keys()]).toEqual(['weight', 'bias']);
    const before = tf.memory().numTensors;
    disposeGradients(gradients);
    expect(tf.memory().numTensors).toBe(before - 2);
  });

  test('takes several modules or a map of parameters, and refuses repeated names', () => {
    const [net, layer] = [new Net(), linear(3, 3, 6)];
    const x = tf.randomUniform<tf.Rank.R2>([4, 3], -1, 1, 'float32', 1);
    const loss = () => net.loss(layer.forward(x));
    expect([...valueAndGradients([net, layer], loss).gradients.keys()].at(-1)).toBe('bias');
    const some = new Map([...net.namedParameters()].filter(([name]) => name.startsWith('last')));
    expect([...valueAndGradients(some, loss).gradients.keys()]).toEqual(['last.weight', 'last.bias']);
    expect(() => parametersOf([layer, linear(1, 1, 7)])).toThrow(
      'parametersOf: trainable must be modules with different parameter names, got weight',
    );
  });

  test('names the parameters on which the loss does not depend, and leaves no tensor then', () => {
    const [one, other] = [new Net(), linear(2, 2, 8)];
    const x = tf.ones<tf.Rank.R2>([2, 3]);
    const before = tf.memory().numTensors;
    expect(() => valueAndGradients([one, other], () => one.loss(x))).toThrow(
      'valueAndGradients: loss must be a function of every parameter, got one without weight, bias',
    );
    expect(tf.memory().numTensors).toBe(before);
    expect(() => valueAndGradients(new Map(), () => tf.scalar(0))).toThrow(/something with parameters/);
  });

  test('keeps the tensor count flat over training steps with accumulation, clipping, AdamW and averaging', () => {
    const net = new Net();
    const optimizer = new AdamW(net.namedParameters(), { learningRate: 0.05 });
    const average = new ExponentialMovingAverage(net, { decay: 0.9 });
    const accumulator = new GradientAccumulator();
    const x = tf.randomUniform<tf.Rank.R2>([4, 3], -1, 1, 'float32', 2);
    const losses: number[] = [];
    const counts = new Set<number>();
    for (let step = 0; step < 8; step++) {
      for (let part = 0; part < 2; part++) {
        const { value, gradients } = valueAndGradients(net, () => net.loss(x));
        accumulator.add(gradients);
        disposeGradients(gradients);
        losses.push(value.dataSync()[0]);
        value.dispose();
      }
      const gradients = accumulator.take();
      clipGradientNorm(gradients, 1).dispose();
      optimizer.step(gradients);
      average.update(step);
      disposeGradients(gradients);
      counts.add(tf.memory().numTensors);
    }
    expect(counts.size).toBe(1);
    expect(losses.at(-1)).toBeLessThan(losses[0] / 2);
  });
});
