import { FUSED_KERNELS } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import { afterEach, expect, test, vi } from 'vitest';
import { type BackendName, selectBackend } from '../select/select-backend';
import { noiseTensor } from '../testing/wasm';
import { startWasm } from './start-wasm';

afterEach(() => vi.unstubAllGlobals());

test.each([
  ['deno', 'Deno'],
  ['bun', 'Bun'],
])(
  'in %s, whose workers do not take those of tfjs, threads are an error before they are started',
  async (key, name) => {
    const versions = { value: { ...process.versions, [key]: '1.0.0' } };
    vi.stubGlobal('process', Object.create(process, { versions }));
    await expect(startWasm({ threads: 2 })).rejects.toThrow(`the workers of tfjs-backend-wasm do not start in ${name}`);
    expect('wasm' in tf.engine().registry).toBe(false);
  },
);

/**
 * conv, GroupNorm with SiLU, strided conv, mean, dense: eight steps of gradient descent; fused GroupNorm where there is
 * one.
 */
function trainSmallNet(): number[] {
  const groupNorm = (x: tf.Tensor4D, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor4D => {
    if (tf.getKernel(FUSED_KERNELS.groupNorm, tf.getBackend())) {
      const attributes = { groups: 4, epsilon: 1e-5, activation: 'silu' };
      return (
        tf.engine().runKernel(FUSED_KERNELS.groupNorm, { x, gamma, beta }, attributes) as tf.Tensor[]
      )[0] as tf.Tensor4D;
    }
    const [batch, height, width, channels] = x.shape;
    const grouped = tf.reshape(x, [batch, height * width, 4, channels / 4]);
    const { mean, variance } = tf.moments(grouped, [1, 3], true);
    const normal = tf.reshape(tf.mul(tf.sub(grouped, mean), tf.rsqrt(tf.add(variance, 1e-5))), x.shape);
    const z = tf.add(tf.mul(normal, gamma), beta) as tf.Tensor4D;
    return tf.mul(z, tf.sigmoid(z));
  };
  return tf.tidy(() => {
    const x = noiseTensor<tf.Rank.R4>([4, 9, 10, 3], 1);
    const target = noiseTensor<tf.Rank.R2>([4, 2], 2);
    const scaled = (shape: number[], seed: number, scale: number) =>
      tf.variable(tf.mul(noiseTensor(shape, seed), scale));
    const variables = [
      scaled([3, 3, 3, 16], 3, 0.2),
      tf.variable(tf.ones([16])),
      tf.variable(tf.zeros([16])),
      scaled([3, 3, 16, 8], 4, 0.1),
      scaled([8, 2], 5, 0.3),
    ];
    const [first, gamma, beta, second, dense] = variables;
    const loss = () => {
      let h = tf.conv2d(x, first as unknown as tf.Tensor4D, 1, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ]);
      h = groupNorm(h, gamma, beta);
      h = tf.conv2d(
        tf.pad(h, [
          [0, 0],
          [0, 1],
          [0, 1],
          [0, 0],
        ]),
        second as unknown as tf.Tensor4D,
        [2, 3],
        'valid',
      );
      const out = tf.matMul(tf.mean<tf.Tensor2D>(h, [1, 2]), dense as unknown as tf.Tensor2D);
      return tf.mean(tf.square(tf.sub(out, target))) as tf.Scalar;
    };
    return Array.from({ length: 8 }, () => {
      const { value, grads } = tf.variableGrads(loss, variables);
      for (const variable of variables) variable.assign(tf.sub(variable, tf.mul(grads[variable.name], 0.2)));
      return value.dataSync()[0];
    });
  });
}

test('a small network trains with the same losses on cpu, wasm and wasm-threaded', async () => {
  const losses = new Map<BackendName, number[]>();
  for (const backend of ['cpu', 'wasm', 'wasm-threaded'] as const) {
    const { name, threads } = await selectBackend({ backend, threads: 2 });
    expect([name, threads]).toEqual([backend, backend === 'wasm-threaded' ? 2 : 1]);
    const before = tf.memory().numTensors;
    losses.set(backend, trainSmallNet());
    tf.disposeVariables();
    expect(tf.memory().numTensors).toBe(before);
    if (backend === 'wasm') {
      // Let the next one start afresh, with threads.
      const factory = tf.findBackendFactory('wasm');
      tf.removeBackend('wasm');
      tf.registerBackend('wasm', factory);
    }
  }
  const [cpu, wasm, threaded] = [...losses.values()];
  expect(cpu.at(-1)!).toBeLessThan(0.9 * cpu[0]);
  for (let i = 0; i < cpu.length; i++) {
    expect(Math.abs(wasm[i] - cpu[i])).toBeLessThan(1e-4); // measured 4.8e-7
    expect(Math.abs(threaded[i] - cpu[i])).toBeLessThan(1e-4); // measured 4.8e-7
  }
});
