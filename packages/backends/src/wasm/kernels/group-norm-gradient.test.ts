import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import fixture from '../../../fixtures/group-norm.json';
import { finiteDifferences, noise, noiseTensor, relativeError, startWasm, tensorCounts } from '../../testing/wasm';

beforeAll(startWasm);

type Inputs = { x: Float32Array; gamma: Float32Array; beta: Float32Array };

function loss(shape: number[], groups: number, activation: 'none' | 'silu', target: Float32Array) {
  const channels = shape.at(-1)!;
  return (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) => {
    const inputs = {
      x: tf.reshape(x, shape),
      gamma: tf.reshape(gamma, [channels]),
      beta: tf.reshape(beta, [channels]),
    };
    const [y] = tf
      .engine()
      .runKernel(FUSED_KERNELS.groupNorm, inputs, { groups, epsilon: 1e-3, activation }) as tf.Tensor[];
    return tf.sum(tf.mul(y, tf.tensor(target, shape))) as tf.Scalar;
  };
}

test.each([
  [[2, 3, 4, 8], 4, 'none'],
  [[2, 3, 4, 8], 4, 'silu'],
  [[2, 1, 1, 16], 2, 'silu'],
  [[1, 5, 6], 6, 'silu'],
  [[2, 3, 5, 10], 2, 'none'],
] as [number[], number, 'none' | 'silu'][])(
  'the gradient of the fused GroupNorm of %j in %d groups (%s) follows finite differences',
  (shape, groups, activation) => {
    const size = tf.util.sizeFromShape(shape);
    const channels = shape.at(-1)!;
    const f = loss(shape, groups, activation, noise(size, 9));
    const at: Inputs = { x: noise(size, 1), gamma: noise(channels, 2), beta: noise(channels, 3) };
    const gradients = tf.tidy(() =>
      tf
        .grads(f)([tf.tensor1d(at.x), tf.tensor1d(at.gamma), tf.tensor1d(at.beta)])
        .map((tensor) => tensor.dataSync()),
    );
    const names = ['x', 'gamma', 'beta'] as const;
    names.forEach((name, i) => {
      const value = (moved: Float32Array) =>
        tf.tidy(() => {
          const all = { ...at, [name]: moved };
          return f(tf.tensor1d(all.x), tf.tensor1d(all.gamma), tf.tensor1d(all.beta)).dataSync()[0];
        });
      expect(relativeError(gradients[i], finiteDifferences(value, at[name], 1e-2))).toBeLessThan(2e-3); // float32 differences
    });
  },
);

test.each(fixture.cases.map((example) => [example.shape, example.groups, example.activation, example] as const))(
  'the fused GroupNorm of %j in %d groups (%s) and its gradient equal PyTorch’s',
  (shape, groups, activation, example) => {
    const attributes = { groups, epsilon: example.epsilon, activation: activation as 'none' | 'silu' };
    const actual = tf.tidy(() => {
      const x = tf.tensor(example.x, shape as never);
      const dy = tf.tensor(example.dy, shape as never);
      const inputs = { x, gamma: tf.tensor1d(example.gamma), beta: tf.tensor1d(example.beta) };
      const [y, statistics] = tf.engine().runKernel(FUSED_KERNELS.groupNorm, inputs, attributes) as tf.Tensor[];
      const gradients = tf
        .engine()
        .runKernel(FUSED_KERNELS.groupNormGrad, { ...inputs, statistics, dy }, attributes) as tf.Tensor[];
      return [y, ...gradients].map((tensor) => tensor.dataSync());
    });
    // The fixture was computed in 64 bits; largest difference measured: 2.5e-7 of the largest value.
    [example.y, example.dx, example.dgamma, example.dbeta].forEach((wanted, i) => {
      expect(relativeError(actual[i], wanted)).toBeLessThan(5e-7); // measured 2.4e-7
    });
  },
);

test('it leaves three tensors, the ones it returns', () => {
  const inputs = {
    x: noiseTensor([2, 3, 8], 1),
    gamma: noiseTensor([8], 2),
    beta: noiseTensor([8], 3),
    dy: noiseTensor([2, 3, 8], 4),
  };
  const attributes = { groups: 2, epsilon: 1e-5, activation: 'silu' as const };
  const [y, statistics] = tf.engine().runKernel(FUSED_KERNELS.groupNorm, inputs, attributes) as tf.Tensor[];
  const before = tensorCounts();
  const out = tf.engine().runKernel(FUSED_KERNELS.groupNormGrad, { ...inputs, statistics }, attributes) as tf.Tensor[];
  expect(tensorCounts()).toEqual({ tensors: before.tensors + 3, dataIds: before.dataIds + 3 });
  tf.dispose([y, statistics, ...out]);
  tf.dispose(inputs);
});
