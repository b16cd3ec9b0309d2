import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { PendingTensors } from './pending-tensors';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('PendingTensors makes tensors that are read when their values arrive', async () => {
  const pending = new PendingTensors('test');
  const before = tf.memory().numTensors;
  let arrive: (numbers: Float32Array) => void = () => {};
  const tensor = pending.tensor<tf.Rank.R1>(new Promise((done) => (arrive = done)), [2]);
  expect(tensor.shape).toEqual([2]);
  expect(() => tensor.dataSync()).toThrow(
    'test: the result must be waited for (await tensor.data()) before it is used, got used at once',
  );
  setTimeout(() => arrive(Float32Array.of(3, 4)), 1);
  expect([...(await tensor.data())]).toEqual([3, 4]);
  const sum = tf.sum(tensor); // moves to the current backend
  expect(sum.dataSync()[0]).toBe(7);
  tf.dispose([tensor, sum]);
  expect(tf.memory().numTensors).toBe(before);
  expect(pending.numDataIds()).toBe(0);
});

test('PendingTensors survives a tidy that returns its tensor, and frees one that is not returned', async () => {
  const pending = new PendingTensors('test');
  const kept = tf.tidy(() => {
    pending.tensor(Promise.resolve(new Float32Array(1)), [1]);
    return pending.tensor<tf.Rank.R1>(Promise.resolve(Float32Array.of(5)), [1]);
  });
  expect(pending.numDataIds()).toBe(1);
  expect((await kept.data())[0]).toBe(5);
  kept.dispose();
});

test('PendingTensors throws an error at the reader only', async () => {
  const pending = new PendingTensors('test');
  const unread = pending.tensor(Promise.reject(new Error('lost')), [1]);
  const read = pending.tensor(Promise.reject(new Error('broken')), [1]);
  await expect(read.data()).rejects.toThrow('broken');
  tf.dispose([unread, read]);
  await new Promise((done) => setTimeout(done, 2)); // an unhandled rejection would fail the run
});
