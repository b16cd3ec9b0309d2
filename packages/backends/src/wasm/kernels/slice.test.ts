import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

const CASES: [number[], number[], number[]][] = [
  [[10], [3], [4]],
  [
    [4, 5],
    [1, 0],
    [2, 5],
  ],
  [
    [4, 5],
    [1, 2],
    [3, -1],
  ],
  [
    [2, 3, 4],
    [0, 1, 0],
    [2, 2, 4],
  ],
  [
    [2, 4, 5, 3],
    [0, 1, 0, 1],
    [2, 2, 3, 1],
  ],
  [
    [2, 4, 5, 300],
    [0, 1, 2, 10],
    [2, 2, 3, 200],
  ],
  [
    [2, 2, 3, 4, 5],
    [1, 0, 1, 0, 2],
    [1, 2, 2, 4, 2],
  ],
  [
    [2, 1, 2, 1, 3, 2],
    [0, 0, 1, 0, 1, 0],
    [2, 1, 1, 1, 2, 2],
  ],
  [
    [3, 4],
    [1, 1],
    [2, 0],
  ],
];

test.each(CASES)('slice of %j from %j of size %j equals the cpu backend’s', async (shape, begin, size) => {
  const { cpu, wasm } = await onBoth(() => [tf.slice(noiseTensor(shape, 1), begin, size)]);
  expect(wasm).toEqual(cpu);
});

test('slice takes integers and booleans', async () => {
  const { cpu, wasm } = await onBoth(() => [
    tf.slice(tf.tensor([1, 2, 3, 4, 5, 6], [2, 3], 'int32'), [0, 1], [2, 2]),
    tf.slice(tf.tensor([1, 0, 0, 1, 1, 0], [2, 3], 'bool'), [0, 1], [2, 2]),
  ]);
  expect(wasm).toEqual(cpu);
});

test('split and the gradient of slice equal the cpu backend’s', async () => {
  const { cpu, wasm } = await onBoth(() => [
    ...tf.split(noiseTensor([2, 6, 4], 1), 3, 1),
    tf.grad((x) => tf.sum(tf.square(tf.slice(x, [0, 1, 1], [2, 3, 2]))))(noiseTensor([2, 6, 4], 1)),
  ]);
  expect(wasm).toEqual(cpu);
});

test('slice leaves one tensor, the one it returns', () => {
  const x = noiseTensor([4, 5], 1);
  const before = tensorCounts();
  const out = tf.slice(x, [1, 1], [2, 2]);
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, x]);
});
