import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { splitSizes, traceForward } from './trace-forward';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('traceForward records kernels, attributes and shapes, and computes nothing', () => {
  const weight = tf.variable(tf.ones([3, 3, 4, 8]));
  const forward = (x: tf.Tensor) => tf.relu(tf.mul(tf.conv2d(x as tf.Tensor4D, weight as never, 2, 'same'), 0.5));
  const { ops, values, inputs, output, batch } = traceForward(forward, [[9, 7, 4]]);
  expect(ops.map(({ kernel }) => kernel)).toEqual(['Conv2D', 'Multiply', 'Relu']);
  expect(values[inputs[0]].shape).toEqual([batch, 9, 7, 4]);
  expect(values[output].shape).toEqual([batch, 5, 4, 8]);
  expect(values[ops[0].inputs.filter].tensor?.dataId).toBe(weight.dataId);
  expect(values[ops[1].inputs.b].literal).toEqual(Float32Array.of(0.5));
  weight.dispose();
});

test('traceForward computes the shapes of tfjs', () => {
  const w = tf.variable(tf.ones([6, 5]));
  const forward = (x: tf.Tensor) => {
    const [a, b] = tf.split(x, [2, 4], -1);
    const rows = tf.reshape(tf.concat([b, tf.tile(a, [1, 1, 2])], 2), [-1, 8]);
    const flat = tf.softmax(tf.matMul(tf.slice(rows, [0, 1], [-1, 6]) as tf.Tensor2D, w as never));
    return tf.max(
      tf.pad(tf.expandDims(tf.transpose(flat), 0), [
        [0, 0],
        [1, 2],
        [0, 0],
      ]),
      1,
    );
  };
  const { values, output } = traceForward(forward, [[3, 6]]);
  const made = tf.tidy(() => forward(tf.zeros([5, 3, 6])).shape); // 5 for the batch
  expect(values[output].shape).toEqual(made.map((side) => (side === 15 ? 3 * 1009 : side)));
  w.dispose();
});

test('traceForward leaves the backend, its kernels and all tensors alone', () => {
  const before = tf.memory().numTensors;
  traceForward((x) => tf.tanh(tf.add(x, 1)), [[2]]);
  expect(tf.memory().numTensors).toBe(before);
  expect(tf.getBackend()).toBe('cpu');
  expect(tf.getKernelsForBackend('lipsync-onnx-trace')).toEqual([]);
});

test.each([
  ['a kernel that it does not know', (x: tf.Tensor) => tf.cumsum(x, 1), /of the kernels Identity, .*, got Cumsum/],
  [
    'numbers read back',
    (x: tf.Tensor) => tf.mul(x, x.dataSync()[0]),
    'exportOnnx: the network must be one that reads no values back in its forward pass',
  ],
  [
    'a constant of the batch',
    (x: tf.Tensor) => tf.mul(x, 1 / x.shape[0]),
    'exportOnnx: the network must be the same for every batch, got another constant for another batch',
  ],
  [
    'a shape of the batch',
    (x: tf.Tensor) =>
      tf.pad(x, [
        [0, 0],
        [0, x.shape[0] % 10],
      ]),
    'got another PadV2 for another batch',
  ],
  [
    'steps of the batch',
    (x: tf.Tensor) => (x.shape[0] === 1009 ? tf.relu(x) : x),
    'got another number of operations for another batch',
  ],
])('traceForward refuses %s, and the backend is current again', (_, forward, message) => {
  expect(() => traceForward(forward, [[2]])).toThrow(message);
  expect(tf.getBackend()).toBe('cpu');
  expect(tf.relu(tf.scalar(-1)).dataSync()[0]).toBe(0);
});

test('splitSizes gives the sides of both forms of tf.split', () => {
  expect(splitSizes([2, 6], { numOrSizeSplits: 3, axis: 1 })).toEqual([2, 2, 2]);
  expect(splitSizes([2, 6], { numOrSizeSplits: [1, 5], axis: -1 })).toEqual([1, 5]);
});
