import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

test.each([
  [[5, 8], 0],
  [
    [3, 5, 7, 12],
    [0, 1, 2],
  ],
  [
    [3, 5, 7, 6],
    [0, 1, 2],
  ],
  [
    [3, 5, 4, 4],
    [0, 1],
  ],
  [[3, 5, 8], [-3]],
  [[3, 5, 8], 2],
  [
    [3, 5, 8],
    [0, 2],
  ],
  [
    [3, 8],
    [0, 1],
  ],
  [[100, 4], 0],
] as [number[], number | number[]][])(
  'sum of %j over axes %j equals the cpu backend’s, axes kept or not',
  async (shape, axes) => {
    for (const keepDims of [false, true]) {
      const { cpu, wasm } = await onBoth(() => {
        const out = tf.sum(noiseTensor(shape, 1), axes, keepDims);
        return [out, tf.tensor1d(out.shape.length > 0 ? out.shape : [0])];
      });
      wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(1e-6)); // measured 3.1e-7
    }
  },
);

test('a long sum over leading axes keeps its digits', () => {
  const total = tf.tidy(() => tf.sum(tf.fill([200_000, 4], 0.1), 0).dataSync());
  // Blocks of 64 are summed in float32, their sums in float64; float32 all through is off by 1e-3 and more.
  total.forEach((value) => expect(Math.abs(value / 20000.0003 - 1)).toBeLessThan(1e-6));
});

test('sum takes integers', () => {
  const total = tf.tidy(() =>
    tf
      .sum(
        tf.tensor2d(
          [
            [1, 2, 3, 4],
            [5, 6, 7, 8],
          ],
          [2, 4],
          'int32',
        ),
        0,
      )
      .dataSync(),
  );
  expect([...total]).toEqual([6, 8, 10, 12]);
});

test('sum leaves one tensor, the one it returns', () => {
  const x = noiseTensor([6, 8], 1);
  const before = tensorCounts();
  const out = tf.sum(x, 0);
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, x]);
});
