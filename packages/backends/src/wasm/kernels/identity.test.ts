import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

test('a clone shares the memory and outlives the original', () => {
  const before = tensorCounts();
  const x = noiseTensor([3, 4], 1);
  const numbers = x.dataSync();
  const copy = tf.clone(x);
  expect(tensorCounts().dataIds).toBe(before.dataIds + 1);
  x.dispose();
  expect(copy.dataSync()).toEqual(numbers);
  copy.dispose();
  expect(tensorCounts()).toEqual(before);
});

test('assigning to a variable does not change its clones', () => {
  const variable = tf.variable(tf.tensor1d([1, 2]));
  const copy = tf.clone(variable);
  variable.assign(tf.tensor1d([3, 4]));
  expect([...copy.dataSync(), ...variable.dataSync()]).toEqual([1, 2, 3, 4]);
  variable.dispose();
  copy.dispose();
});
