import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noise, startWasm } from '../../testing/wasm';

beforeAll(startWasm);

const squaredLength = (x: tf.Tensor) =>
  tf.tidy(() => (tf.engine().runKernel(FUSED_KERNELS.sumOfSquares, { x }) as tf.Tensor).dataSync()[0]);

test.each([0, 1, 3, 4, 9, 1000, 200_003])('the sum of squares of %d values equals that in 64 bits', (count) => {
  const numbers = noise(count, 5);
  const exact = numbers.reduce((sum, value) => sum + value * value, 0);
  const x = tf.tensor1d(numbers);
  // measured 3.4e-8, half a float32 step of the result
  expect(Math.abs(squaredLength(x) - exact)).toBeLessThanOrEqual(1e-7 * exact);
  x.dispose();
});

test('NaN is kept', () => {
  const x = tf.tensor1d([1, NaN, 2, 3, 4]);
  expect(squaredLength(x)).toBeNaN();
  x.dispose();
});
