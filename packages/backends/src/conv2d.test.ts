import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm, tensorCounts } from '../testing/wasm';

beforeAll(startWasm);

test.each([
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'same', 1],
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'valid', 1],
  [[4, 9, 8, 8], [3, 3, 8, 16], 1, 'valid', 2],
  [[4, 9, 8, 8], [3, 3, 8, 16], 2, 'same', 1],
  [[4, 9, 8, 3], [3, 3, 3, 16], 1, 'same', 1],
  [[4, 9, 8, 8], [1, 1, 8, 16], 1, 'same', 1],
  [[1, 9, 8, 8], [5, 5, 8, 4], 1, 'same', 1],
] as const)('conv2d of %j by %j, stride %d, %s, dilation %d equals the cpu backend’s', async (shape, filter, stride, pad, dilation) => {
  const { cpu, wasm } = await onBoth(() => [
    tf.conv2d(noiseTensor<tf.Rank.R4>([...shape], 1), noiseTensor<tf.Rank.R4>([...filter], 2), stride, pad, 'NHWC', dilation),
  ]);
  expect(relativeError(wasm[0], cpu[0])).toBeLessThan(2e-6);
});

test('the gradients of a 3x3 convolution in Winograd’s form equal the cpu backend’s', async () => {
  const { cpu, wasm } = await onBoth(() => {
    const f = (x: tf.Tensor, w: tf.Tensor) => tf.sum(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, [[0, 0], [0, 1], [1, 1], [0, 0]])));
    return tf.grads(f)([noiseTensor([3, 9, 11, 8], 1), noiseTensor([3, 3, 8, 16], 2)]);
  });
  wasm.forEach((numbers, i) => expect(relativeError(numbers, cpu[i])).toBeLessThan(5e-6));
});

test('conv2d leaves one tensor, the one it returns', () => {
  const x = noiseTensor<tf.Rank.R4>([4, 9, 8, 8], 1);
  const w = noiseTensor<tf.Rank.R4>([3, 3, 8, 16], 2);
  const before = tensorCounts();
  const out = tf.conv2d(x, w, 1, 'same');
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 1, dataIds: before.dataIds + 1 });
  tf.dispose([out, x, w]);
});
