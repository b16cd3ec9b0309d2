import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { finiteDifferences, noise, noiseTensor, onBoth, relativeError, startWasm } from '../../testing/wasm';

beforeAll(startWasm);

test.each([
  [2, 2, 'valid'],
  [2, 2, 'same'],
  [3, 2, 'same'],
  [3, 1, 'valid'],
  [3, 2, 1],
] as const)(
  'the gradient of maxPool with window %d, stride %d, padding %s equals the cpu backend’s',
  async (size, stride, pad) => {
    const rounding = typeof pad === 'number' ? 'floor' : undefined;
    const { cpu, wasm } = await onBoth(() => {
      const f = (x: tf.Tensor) => tf.sum(tf.square(tf.maxPool(x as tf.Tensor4D, size, stride, pad, rounding)));
      return [tf.grad(f)(noiseTensor([2, 5, 7, 3], 1))];
    });
    expect(relativeError(wasm[0], cpu[0])).toBeLessThan(1e-6); // measured 2.2e-8
  },
);

test('it follows finite differences where every maximum is below zero, where the stock kernel is wrong', () => {
  const at = noise(32, 3).map((value) => -Math.abs(value) - 0.5);
  const f = (x: tf.Tensor) => tf.sum(tf.square(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'))) as tf.Scalar;
  const value = (x: Float32Array) => tf.tidy(() => f(tf.tensor(x, [1, 4, 4, 2])).dataSync()[0]);
  const gradient = tf.tidy(() =>
    tf
      .grad(f)(tf.tensor(at, [1, 4, 4, 2]))
      .dataSync(),
  );
  expect(relativeError(gradient, finiteDifferences(value, at, 1e-3))).toBeLessThan(1e-2); // float32 differences
});
