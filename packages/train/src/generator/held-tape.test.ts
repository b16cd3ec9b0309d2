import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Discriminator, disposeMade, Generator, madeBatch, tensors, useWasm } from '../testing/trainer-parts';
import { HeldTape } from './held-tape';

beforeAll(useWasm);

describe('HeldTape', () => {
  test('gives the bits of tf.variableGrads, with other gradients and waiting in between, and frees all', async () => {
    const [generator, discriminator, batch] = [new Generator(), new Discriminator(1), madeBatch(2, 1)];
    const variables = [...generator.namedParameters().values()].map(({ variable }) => variable);
    const generate = () => generator.forward(batch.masked, batch.references, batch.audio);
    const loss = (frames: tf.Tensor) => tf.mean(tf.square(discriminator.forward(frames as tf.Tensor4D))) as tf.Scalar;
    const { value, grads } = tf.variableGrads(() => loss(generate()), variables);
    const before = tensors();
    const held = new HeldTape(generate);
    const other = tf.variableGrads(() => loss(held.output));
    tf.dispose([other.value, ...Object.values(other.grads)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const dy = tf.grad(loss)(held.output);
    const gradients = held.gradients(variables, dy) as tf.Tensor[];
    for (const [i, gradient] of gradients.entries())
      expect(gradient.dataSync()).toEqual(grads[variables[i].name].dataSync());
    expect(() => held.gradients(variables, dy)).toThrow('the tape must be held, got one that was used or disposed');
    tf.dispose([dy, ...gradients]);
    held.dispose();
    held.dispose();
    expect(tensors()).toBe(before);
    tf.dispose([value, ...Object.values(grads)]);
    disposeMade(batch);
    generator.dispose();
    discriminator.dispose();
  });

  test('keeps what the backward pass needs though a weight is assigned in between', () => {
    const [w, x] = [tf.variable(tf.scalar(3)), tf.scalar(5)];
    const held = new HeldTape(() => tf.mul(tf.square(w), x));
    w.assign(tf.scalar(100));
    const [gradient] = held.gradients([w], tf.scalar(1));
    expect(gradient?.dataSync()[0]).toBe(2 * 3 * 5);
    held.dispose();
  });

  test('frees the tape where there is no backward pass, or the forward pass throws, and leaves the engine as it was', () => {
    const w = tf.variable(tf.ones([4]));
    const before = tensors();
    new HeldTape(() => tf.exp(tf.square(w))).dispose();
    expect(() => {
      return new HeldTape((): tf.Tensor => {
        tf.exp(tf.square(w));
        throw new Error('no');
      });
    }).toThrow('no');
    expect(tensors()).toBe(before);
    const { value, grads } = tf.variableGrads(() => tf.sum(w) as tf.Scalar, [w]);
    tf.dispose([value, ...Object.values(grads)]);
    expect(tensors()).toBe(before);
  });

  test('is null for what the output does not depend on; refuses a gradient of another shape, and to stand within other gradients', () => {
    const [w, other] = [tf.variable(tf.ones([4])), tf.variable(tf.ones([2]))];
    const held = new HeldTape(() => tf.square(w));
    expect(() => held.gradients([w], tf.ones([3]))).toThrow('dy must be of shape [4], got [3]');
    expect(held.gradients([other, w], tf.ones([4]))[0]).toBeNull();
    held.dispose();
    expect(() => tf.grad((x: tf.Tensor) => new HeldTape(() => tf.square(x)).output)(w)).toThrow(
      'HeldTape: the forward pass must be outside other gradients',
    );
  });
});
