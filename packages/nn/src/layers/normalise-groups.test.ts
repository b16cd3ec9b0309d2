import { FUSED_KERNELS } from '../kernels/kernels';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { normaliseGroups } from './normalise-groups';

const attributes = { groups: 2, epsilon: 1e-5, activation: 'silu' } as const;
const names = Object.values(FUSED_KERNELS);

describe('normaliseGroups', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
    registerGradients();
  });
  afterAll(() => {
    for (const name of names) if (tf.getKernel(name, 'cpu')) tf.unregisterKernel(name, 'cpu');
  });

  test('has the gradient of finite differences', () => {
    const x = tf.randomNormal([2, 3, 4], 1, 2, 'float32', 1);
    const gamma = tf.tensor([1, -0.5, 2, 0.3]);
    const beta = tf.tensor([0.1, 0.4, -1, 0]);
    const weight = tf.randomNormal([2, 3, 4], 0, 1, 'float32', 2);
    const loss = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
      tf.sum(tf.mul(normaliseGroups(x, gamma, beta, attributes), weight));
    const inputs = [x, gamma, beta];
    const slopes = tf.grads(loss as (...args: tf.Tensor[]) => tf.Tensor)(inputs);
    inputs.forEach((input, which) => {
      for (let i = 0; i < input.size; i += 3) {
        const at = (step: number) => {
          const moved = input.dataSync().slice();
          moved[i] += step;
          const [a, b, c] = inputs.map((other, j) => (j === which ? tf.tensor(moved, input.shape) : other));
          return loss(a, b, c).dataSync()[0];
        };
        expect(slopes[which].dataSync()[i]).toBeCloseTo((at(1e-2) - at(-1e-2)) / 2e-2, 2); // measured 3.1e-5
      }
    });
  });

  test('runs the fused kernels where the backend has them, with the same attributes and inputs forward and backward', () => {
    const [x, gamma, beta] = [tf.ones([1, 2, 4]), tf.ones([4]), tf.zeros([4])];
    const calls: { name: string; attrs: unknown; inputs: string[] }[] = [];
    const register = (name: string, results: (inputs: Record<string, tf.Tensor>) => number[][]) =>
      tf.registerKernel({
        kernelName: name,
        backendName: 'cpu',
        kernelFunc: ({ inputs, attrs, backend }) => {
          calls.push({ name, attrs, inputs: Object.keys(inputs) });
          const cpu = backend as unknown as {
            makeTensorInfo(shape: number[], dtype: string, values: Float32Array): tf.TensorInfo;
          };
          return results(inputs as unknown as Record<string, tf.Tensor>).map((shape, i) =>
            cpu.makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape)).fill(i + 5)),
          );
        },
      });
    register(names[0], ({ x }) => [x.shape, [x.shape[0], 2, 2]]);
    register(names[1], ({ x, gamma, beta }) => [x.shape, gamma.shape, beta.shape]);

    const before = tf.memory().numTensors;
    const y = normaliseGroups(x, gamma, beta, attributes);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(y.dataSync()[0]).toBe(5);
    const [dx, dgamma, dbeta] = tf.grads((x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor) =>
      normaliseGroups(x, gamma, beta, attributes),
    )([x, gamma, beta]);
    expect([dx, dgamma, dbeta].map((tensor) => tensor.dataSync()[0])).toEqual([5, 6, 7]);
    expect(tf.memory().numTensors).toBe(before + 4);
    expect(calls.map(({ name }) => name)).toEqual([names[0], names[0], names[1]]);
    for (const { attrs } of calls) expect(attrs).toEqual(attributes);
    expect(calls[2].inputs.sort()).toEqual(['beta', 'dy', 'gamma', 'statistics', 'x']);
  });
});
