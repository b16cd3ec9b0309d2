import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

test.each([
  [
    [5, 7],
    [5, 7],
  ],
  [[2, 3, 4, 12], [12]],
  [[40, 50, 32], [32]],
  [[12], [3, 12]],
  [
    [4, 1, 3],
    [1, 5, 1],
  ],
  [[6, 1], [1]],
  [[0, 4], [4]],
  [[3], []],
] as [number[], number[]][])('%j + %j equals the cpu backend’s to the bit', async (a, b) => {
  const { cpu, wasm } = await onBoth(() => [tf.add(noiseTensor(a, 1), noiseTensor(b, 2))]);
  expect(Array.from(wasm[0])).toEqual(Array.from(cpu[0]));
});

test('integers are added too, and one tensor is left', () => {
  const [a, b] = [tf.tensor1d([1, 2, 3], 'int32'), tf.tensor1d([4, 5, 6], 'int32')];
  const before = tensorCounts();
  const sum = tf.add(a, b);
  expect(Array.from(sum.dataSync())).toEqual([5, 7, 9]);
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([a, b, sum]);
});
