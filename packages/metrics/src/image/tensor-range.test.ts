import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { tensorRange } from './tensor-range';

test('tensorRange gives least and largest value, and keeps no tensor', async () => {
  await tf.setBackend('cpu');
  const [a, b] = [tf.tensor([-0.5, 0.25]), tf.tensor([0, 1.0000001])];
  const before = tf.memory().numTensors;
  const { least, largest } = await tensorRange('f', a, b, [-1, 1]);
  expect(tf.memory().numTensors).toBe(before);
  expect([least, largest]).toEqual([-0.5, Math.fround(1.0000001)]);
  await expect(tensorRange('f', b, a, [0, 1])).rejects.toThrow(
    new RangeError('f: generated must be within range (0..1), got -0.5'),
  );
  await expect(tensorRange('f', a, b, [-0.25, 1])).rejects.toThrow('f: real must be within range (-0.25..1), got -0.5');
  tf.dispose([a, b]);
});
