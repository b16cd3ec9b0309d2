import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noiseTensor, onBoth, relativeError, startWasm } from '../../testing/wasm';

beforeAll(startWasm);

const indices = () =>
  tf.tensor2d(
    [
      [4, 0, 2],
      [2, 1, 4],
    ],
    [2, 3],
    'int32',
  );

test.each([[[5]], [[5, 3]], [[5, 2, 40]]])(
  'gather along the first axis of [%s] equals the cpu backend’s',
  async (shape) => {
    const { cpu, wasm } = await onBoth(() => [
      tf.gather(noiseTensor(shape, 1), indices()),
      tf.gather(tf.cast(noiseTensor(shape, 1), 'int32'), indices()),
    ]);
    expect(relativeError(wasm[0], cpu[0])).toBe(0);
    expect(wasm[1]).toEqual(cpu[1]);
  },
);

test('gather along another axis is left to the stock kernel', async () => {
  const { cpu, wasm } = await onBoth(() => [tf.gather(noiseTensor([3, 5, 2], 1), tf.tensor1d([4, 1], 'int32'), 1)]);
  expect(relativeError(wasm[0], cpu[0])).toBe(0);
});

test.each([-1, 5])('an index of %d of five rows is refused and leaves no tensor behind', (index) => {
  const x = tf.ones([5]);
  const at = tf.tensor1d([index], 'int32');
  const before = tf.memory().numTensors;
  expect(() => tf.gather(x, at)).toThrow(`gather: indices must be from 0 to 4, got ${index}`);
  expect(tf.memory().numTensors).toBe(before);
  tf.dispose([x, at]);
});
