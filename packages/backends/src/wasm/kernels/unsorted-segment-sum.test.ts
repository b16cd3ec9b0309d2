import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm } from '../../testing/wasm';

beforeAll(startWasm);

test('unsortedSegmentSum equals the cpu backend’s and adds repeated ids', async () => {
  const { cpu, wasm } = await onBoth(() => [
    tf.unsortedSegmentSum(noiseTensor([5, 3], 1), tf.tensor1d([2, 0, 2, 3, 0], 'int32'), 4),
  ]);
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-6); // equal here
});

test('it ignores ids below zero and above the last segment', () => {
  const out = tf.tidy(() =>
    tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4]), tf.tensor1d([-1, 1, 7], 'int32'), 2).dataSync(),
  );
  expect([...out]).toEqual([0, 2]);
});

test('it sums integers', () => {
  const out = tf.tidy(() =>
    tf.unsortedSegmentSum(tf.tensor1d([1, 2, 4], 'int32'), tf.tensor1d([1, 1, 0], 'int32'), 2).dataSync(),
  );
  expect([...out]).toEqual([4, 3]);
});

test('the gradient of gather uses it', async () => {
  const { cpu, wasm } = await onBoth(() => [
    tf.grad((x) => tf.sum(tf.square(tf.gather(x, tf.tensor1d([0, 2, 2, 1], 'int32')))))(noiseTensor([4, 3], 1)),
  ]);
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-6); // equal here
});
