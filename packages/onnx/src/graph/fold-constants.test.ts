import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { foldConstants } from './fold-constants';
import { traceForward } from './trace-forward';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('foldConstants computes what depends on weights alone, and leaves the rest', async () => {
  const variance = tf.variable(tf.tensor1d([3, 8]));
  const before = tf.memory().numTensors;
  const forward = (x: tf.Tensor) => {
    tf.exp(x); // nobody uses it
    return tf.mul(x, tf.rsqrt(tf.add(variance, 1)));
  };
  const { ops, constants } = await foldConstants(traceForward(forward, [[2]]));
  expect(ops.map(({ kernel }) => kernel)).toEqual(['Multiply']);
  const [scale] = [...constants.values()];
  expect(scale.shape).toEqual([2]);
  expect(scale.data[0]).toBeCloseTo(1 / 2, 7); // measured 0
  expect(scale.data[1]).toBeCloseTo(1 / 3, 7); // measured 9.9e-9
  expect(scale.tensor).toBeUndefined(); // no weight as it is
  expect(tf.memory().numTensors).toBe(before);
  variance.dispose();
});

test('foldConstants names the weight that a constant is, where it is unchanged', async () => {
  const weight = tf.variable(tf.tensor1d([1, 2]));
  const { constants } = await foldConstants(traceForward((x) => tf.add(x, weight), [[2]]));
  expect([...constants.values()]).toMatchObject([
    { shape: [2], data: Float32Array.of(1, 2), tensor: { dataId: weight.dataId } },
  ]);
  weight.dispose();
});

test('foldConstants refuses a constant with a row per sample', async () => {
  const trace = traceForward((x) => tf.add(x, tf.tile(tf.ones([1, 2]), [x.shape[0], 1])), [[2]]);
  await expect(foldConstants(trace)).rejects.toThrow(
    'exportOnnx: the network must be one whose constants do not grow with the batch, got [1009, 2]',
  );
});
