import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { Module } from '../module/module';
import { Dropout, setDropoutStep } from './dropout';

class Two extends Module {
  readonly a = this.register('a', new Dropout({ rate: 0.5, seed: 1 }));
  readonly b = this.register('b', new Dropout({ rate: 0.5, seed: 2 }));
}
const ones = tf.util.makeOnesTypedArray(4000, 'float32');
const masks = (dropout: Dropout) => dropout.forward(tf.tensor(ones)).dataSync();

describe('Dropout', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test('drops the given share and keeps the mean', () => {
    const mask = masks(new Dropout({ rate: 0.25, seed: 3 }));
    const dropped = mask.filter((value) => value === 0).length / mask.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.03); // measured 0.0035
    for (const value of new Set(mask)) expect([0, Math.fround(4 / 3)]).toContain(value);
  });

  test('repeats its masks for the same step, and differs between calls, steps and layers', () => {
    const net = new Two();
    const draw = (step: number) => {
      setDropoutStep(net, step);
      return [masks(net.a), masks(net.a), masks(net.b)].map(String);
    };
    const first = draw(5);
    expect(draw(5)).toEqual(first);
    expect(new Set([...first, ...draw(6)]).size).toBe(6);
  });

  test('passes the gradient through the kept values only', () => {
    registerGradients();
    const dropout = new Dropout({ rate: 0.5, seed: 4 });
    const slope = tf.grad((x) => dropout.forward(x))(tf.ones([50]));
    dropout.startStep(0);
    expect(slope.dataSync()).toEqual(dropout.forward(tf.ones([50])).dataSync());
  });

  test('returns x unchanged in evaluation mode and at rate 0, and leaves one tensor', () => {
    const x = tf.tensor([1, 2]);
    const before = tf.memory().numTensors;
    expect([...new Dropout({ seed: 1 }).eval().forward(x).dataSync()]).toEqual([1, 2]);
    expect([...new Dropout({ rate: 0, seed: 1 }).forward(x).dataSync()]).toEqual([1, 2]);
    new Dropout({ seed: 1 }).forward(x);
    expect(tf.memory().numTensors).toBe(before + 3);
  });

  test('refuses a rate of 1', () => {
    expect(() => new Dropout({ rate: 1, seed: 1 })).toThrow('Dropout: rate must be at least 0 and below 1, got 1');
  });
});
