import { type AdamWAttributes, FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { noise, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

const HOW: AdamWAttributes = { beta1: 0.9, beta2: 0.99, epsilon: 1e-6, stepSize: 0.03, decay: 0.999 };

/** The step in float64. */
function expected([p, g, m, v]: Float32Array[]): number[][] {
  const first = Array.from(m, (value, i) => value + (g[i] - value) * (1 - HOW.beta1));
  const second = Array.from(v, (value, i) => value + (g[i] * g[i] - value) * (1 - HOW.beta2));
  const moved = Array.from(
    p,
    (value, i) => value * HOW.decay - (first[i] / (Math.sqrt(second[i]) + HOW.epsilon)) * HOW.stepSize,
  );
  return [moved, first, second];
}

function step(numbers: Float32Array[], shape: number[]): tf.Tensor[] {
  return tf.tidy(() => {
    const [parameter, gradient, expAvg, expAvgSq] = numbers.map((values) => tf.tensor(values, shape));
    return tf
      .engine()
      .runKernel(FUSED_KERNELS.adamW, { parameter, gradient, expAvg, expAvgSq }, HOW) as unknown as tf.Tensor[];
  });
}

test.each([[[1]], [[7]], [[3, 3, 8, 8]], [[40_000]], [[40_002]]])(
  'one step over a parameter of shape %j is the formula in 64 bits',
  (shape) => {
    const count = tf.util.sizeFromShape(shape);
    const numbers = [1, 2, 3, 4].map((seed) => noise(count, seed));
    numbers[3] = numbers[3].map(Math.abs); // a mean of squares
    const results = step(numbers, shape);
    expected(numbers).forEach((values, i) => {
      expect(results[i].shape).toEqual(shape);
      expect(relativeError(results[i].dataSync(), values)).toBeLessThan(1e-6); // measured 8e-8
    });
    tf.dispose(results);
  },
);

test('a step does not change its inputs and makes three tensors', () => {
  const inputs = [1, 2, 3, 4].map((seed) => tf.tensor(noise(64, seed).map(Math.abs)));
  const before = inputs.map((x) => Array.from(x.dataSync()));
  const counts = tensorCounts();
  const [parameter, gradient, expAvg, expAvgSq] = inputs;
  const results = tf
    .engine()
    .runKernel(FUSED_KERNELS.adamW, { parameter, gradient, expAvg, expAvgSq }, HOW) as unknown as tf.Tensor[];
  expect(tensorCounts()).toEqual({ tensors: counts.tensors + 3, dataIds: counts.dataIds + 3 });
  inputs.forEach((x, i) => expect(Array.from(x.dataSync())).toEqual(before[i]));
  tf.dispose([...results, ...inputs]);
});
