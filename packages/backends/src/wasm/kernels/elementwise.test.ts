import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, startWasm } from '../../testing/wasm';

beforeAll(startWasm);

test.each([[[3]], [[2, 5, 7]], [[50_001]]])(
  'relu and square of shape %j equal the cpu backend’s to the bit',
  async (shape) => {
    const { cpu, wasm } = await onBoth(() => [tf.relu(noiseTensor(shape, 1)), tf.square(noiseTensor(shape, 2))]);
    wasm.forEach((numbers, i) => expect(Array.from(numbers)).toEqual(Array.from(cpu[i])));
  },
);

test('integers are squared as integers', () => {
  const squared = tf.tidy(() => tf.square(tf.tensor1d([-3, 4], 'int32')));
  expect([squared.dtype, ...squared.dataSync()]).toEqual(['int32', 9, 16]);
  squared.dispose();
});
