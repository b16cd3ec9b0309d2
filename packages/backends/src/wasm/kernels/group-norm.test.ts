import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noise, noiseTensor, relativeError, startWasm, tensorCounts } from '../../testing/wasm';
import { groupNormGeometry } from './group-norm';

beforeAll(startWasm);

function run(shape: number[], groups: number, activation: 'none' | 'silu', offset = 0): [Float32Array, Float32Array] {
  const channels = shape.at(-1)!;
  return tf.tidy(() => {
    const inputs = {
      x: tf.add(noiseTensor(shape, 1), offset),
      gamma: noiseTensor([channels], 2),
      beta: noiseTensor([channels], 3),
    };
    const outputs = tf
      .engine()
      .runKernel(FUSED_KERNELS.groupNorm, inputs, { groups, epsilon: 1e-6, activation }) as tf.Tensor[];
    return outputs.map((tensor) => tensor.dataSync()) as [Float32Array, Float32Array];
  });
}

/** The definition, in 64 bits. */
function expected(shape: number[], groups: number, activation: 'none' | 'silu'): { y: number[]; statistics: number[] } {
  const channels = shape.at(-1)!;
  const [batch] = shape;
  const x = noise(tf.util.sizeFromShape(shape), 1);
  const gamma = noise(channels, 2);
  const beta = noise(channels, 3);
  const y = Array.from(x, () => 0);
  const statistics: number[] = [];
  const sample = x.length / batch;
  for (let n = 0; n < batch; n++) {
    for (let g = 0; g < groups; g++) {
      const indices = Array.from({ length: sample }, (_, i) => n * sample + i).filter(
        (i) => Math.floor((i % channels) / (channels / groups)) === g,
      );
      const mean = indices.reduce((sum, i) => sum + x[i], 0) / indices.length;
      const variance = indices.reduce((sum, i) => sum + (x[i] - mean) ** 2, 0) / indices.length;
      const inverse = 1 / Math.sqrt(variance + 1e-6);
      statistics.push(mean, inverse);
      for (const i of indices) {
        const z = (x[i] - mean) * inverse * gamma[i % channels] + beta[i % channels];
        y[i] = activation === 'silu' ? z / (1 + Math.exp(-z)) : z;
      }
    }
  }
  return { y, statistics };
}

const SHAPES: [number[], number][] = [
  [[2, 5, 7, 8], 4],
  [[3, 4, 64], 32],
  [[2, 1, 1, 256], 32],
  [[2, 6, 6, 32], 32],
  [[2, 3, 12], 1],
  [[1, 5, 6], 6],
  [[2, 9, 10], 2],
];

test.each(SHAPES)(
  'the fused GroupNorm of %j in %d groups equals the definition, with and without SiLU',
  (shape, groups) => {
    for (const activation of ['none', 'silu'] as const) {
      const [y, statistics] = run(shape, groups, activation);
      const wanted = expected(shape, groups, activation);
      expect(relativeError(y, wanted.y)).toBeLessThan(2e-6); // measured 7.2e-7
      expect(relativeError(statistics, wanted.statistics)).toBeLessThan(2e-6); // measured 5.9e-7
    }
  },
);

test('a large common offset does not change the result', () => {
  const [near] = run([2, 8, 8, 32], 8, 'none');
  const [far] = run([2, 8, 8, 32], 8, 'none', 100);
  // float32 inputs around 100 have steps of 7.6e-6, and 1 / deviation times gamma is up to 4 here.
  expect(relativeError(far, near)).toBeLessThan(1e-4);
});

test('SiLU stays finite for large arguments', () => {
  const y = tf.tidy(() => {
    const inputs = { x: noiseTensor([1, 16, 4], 1), gamma: tf.fill([4], 1000), beta: tf.fill([4], 0) };
    return (
      tf
        .engine()
        .runKernel(FUSED_KERNELS.groupNorm, inputs, { groups: 2, epsilon: 1e-6, activation: 'silu' }) as tf.Tensor[]
    )[0].dataSync();
  });
  expect(y.every((value) => Number.isFinite(value) && value > -0.3)).toBe(true);
});

test('it leaves two tensors, the ones it returns', () => {
  const inputs = { x: noiseTensor([2, 3, 8], 1), gamma: noiseTensor([8], 2), beta: noiseTensor([8], 3) };
  const before = tensorCounts();
  const out = tf
    .engine()
    .runKernel(FUSED_KERNELS.groupNorm, inputs, { groups: 2, epsilon: 1e-5, activation: 'silu' }) as tf.Tensor[];
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 2, dataIds: before.dataIds + 2 });
  expect(out.map((tensor) => tensor.shape)).toEqual([
    [2, 3, 8],
    [2, 2, 2],
  ]);
  tf.dispose(out);
  tf.dispose(inputs);
});

test('it refuses groups that do not divide the channels', () => {
  expect(() => groupNormGeometry('LipsyncGroupNorm', [2, 3, 8], 3)).toThrow(
    'LipsyncGroupNorm: groups must be a divisor of 8 channels, got 3',
  );
});
