import { BatchNorm2d, Conv2d, Linear, Random } from '@lipsync/nn';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { foldConstants } from './fold-constants';
import { fuseAffine } from './fuse-affine';
import { traceForward } from './trace-forward';

beforeAll(async () => {
  await tf.setBackend('cpu');
});
const fused = async (forward: (x: tf.Tensor) => tf.Tensor, shape: number[]) =>
  fuseAffine(await foldConstants(traceForward(forward, [shape])));
const random = new Random(1);

test('fuseAffine folds bias, BatchNorm and padding into a convolution', async () => {
  const conv = new Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1, random });
  const norm = new BatchNorm2d({ channels: 3 }).eval();
  const forward = (x: tf.Tensor) => tf.relu(norm.forward(conv.forward(x)));
  const { ops, affine, padded } = await fused(forward, [4, 5, 2]);
  expect(ops.map(({ kernel }) => kernel)).toEqual(['Conv2D', 'Relu']);
  const { scale, bias } = affine.get(ops[0].outputs[0]) ?? { bias: new Float32Array() };
  const of = 1 / Math.sqrt(1 + norm.epsilon); // mean 0, variance 1
  conv.bias?.dataSync().forEach((number, c) => expect(bias[c]).toBeCloseTo(number * of, 6));
  scale?.forEach((number) => expect(number).toBeCloseTo(of, 6));
  expect(padded.get(ops[0].outputs[0])).toEqual([
    [1, 1],
    [1, 1],
  ]);
  conv.dispose();
  norm.dispose();
});

test('fuseAffine folds a bias into a matrix product', async () => {
  const linear = new Linear({ inFeatures: 4, outFeatures: 3, random });
  const { ops, affine } = await fused((x) => linear.forward(x), [4]);
  expect(ops.map(({ kernel }) => kernel)).toEqual(['BatchMatMul']);
  expect(affine.get(ops[0].outputs[0])).toEqual({ bias: linear.bias?.dataSync() });
  linear.dispose();
});

test('fuseAffine leaves values with other users, and constants that vary by position or not by channel', async () => {
  const conv = new Conv2d({ inChannels: 2, outChannels: 2, kernelSize: 1, bias: false, random });
  const kernels = async (forward: (y: tf.Tensor, x: tf.Tensor) => tf.Tensor) =>
    (await fused((x) => forward(conv.forward(x), x), [2, 2, 2])).ops.map(({ kernel }) => kernel);
  expect(await kernels((y) => tf.mul(tf.add(y, 1), y))).toEqual(['Conv2D', 'Add', 'Multiply']);
  expect(await kernels((y, x) => tf.add(y, x))).toEqual(['Conv2D', 'Add']);
  expect(await kernels((y) => tf.add(y, tf.tensor3d([1, 2, 3, 4], [2, 2, 1])))).toEqual(['Conv2D', 'Add']);
  expect(await kernels((y) => tf.sub(1, y))).toEqual(['Conv2D', 'Sub']);
  expect(await kernels((y) => tf.div(tf.sub(y, 1), 4))).toEqual(['Conv2D']);
  conv.dispose();
});

test('fuseAffine drops identity operations', async () => {
  const { ops, output, inputs } = await fused((x) => tf.clone(tf.reshape(tf.cast(x, 'float32'), [-1, 4])), [4]);
  expect(ops).toEqual([]);
  expect(output).toBe(inputs[0]);
});
