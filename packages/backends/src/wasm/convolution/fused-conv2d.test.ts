import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

test.each([
  [[1, 14, 14, 32], [1, 1, 32, 64], 1, 'linear'],
  [[1, 14, 14, 32], [1, 1, 32, 64], 1, 'relu'],
  [[2, 15, 13, 3], [3, 3, 3, 16], 2, 'relu'],
  [[6, 9, 11, 16], [3, 3, 16, 32], 1, 'relu'],
  [[2, 8, 8, 8], [1, 1, 8, 16], 2, 'linear'],
  [[2, 8, 8, 8], [3, 3, 8, 8], 1, 'relu6'],
] as const)(
  'tf.fused.conv2d of %j by %j, stride %d, %s equals the cpu backend’s',
  async (shape, filter, strides, activation) => {
    const { cpu, wasm } = await onBoth(() =>
      [noiseTensor<tf.Rank.R1>([filter[3]], 3), undefined].map((bias) =>
        tf.fused.conv2d({
          x: noiseTensor<tf.Rank.R4>([...shape], 1),
          filter: noiseTensor<tf.Rank.R4>([...filter], 2),
          strides,
          pad: 'same',
          bias,
          activation,
        }),
      ),
    );
    wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(2e-6)); // measured 5.6e-7
  },
);

test('tf.fused.conv2d leaves one tensor, the one it returns', () => {
  const [x, filter, bias] = [
    noiseTensor<tf.Rank.R4>([1, 6, 6, 8], 1),
    noiseTensor<tf.Rank.R4>([1, 1, 8, 8], 2),
    noiseTensor<tf.Rank.R1>([8], 3),
  ];
  const before = tensorCounts();
  const y = tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation: 'relu' });
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([x, filter, bias, y]);
});
