import { readFileSync } from 'node:fs';
import type { NamedArray } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import type { Module } from '../module/module';
import { toTorchLayout } from '../module/parameter-layout';

/** Numbers of a fixture. */
export type Numbers = { shape: number[]; data: number[] };

/** What reference/nn-layers.py writes for a layer. */
export type TorchCase<Options> = {
  name: string;
  options: Options;
  training?: boolean;
  state: Record<string, Numbers>;
  stateAfter: Record<string, Numbers> | null;
  x: Numbers;
  y: Numbers;
  dy: Numbers;
  dx: Numbers;
  gradients: Record<string, Numbers>;
};

export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** A float32 tensor of any rank: that of `shape`. */
export function tensorOf({ shape, data }: Numbers): tf.Tensor {
  return tf.tensor(data, shape, 'float32');
}

export function stateOf(state: Record<string, Numbers>): Map<string, NamedArray> {
  return new Map(
    Object.entries(state).map(([name, { shape, data }]) => [
      name,
      { dtype: 'float32', shape, data: Float32Array.from(data) },
    ]),
  );
}

/** Largest difference as a share of the largest reference value, or of `floor` where that is larger. */
export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  expect(actual.length).toBe(expected.length);
  let difference = 0;
  let largest = floor;
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
    if (!Number.isFinite(actual[i])) return Infinity;
  }
  return difference === 0 ? 0 : difference / largest;
}

/**
 * Loads a case's weights into a layer, runs it forward and backward and compares output, input gradient and every
 * parameter's gradient with PyTorch's.
 *
 * @param layer takes tensors of the rank of the case's `x`.
 * @returns the largest difference of all, as a share of each array's largest value; an array smaller than a tenth of
 *   the largest gradient counts as that tenth, since some, such as a key bias's, are zero but for rounding.
 */
export async function compareWithTorch(
  layer: Module & { forward(x: tf.Tensor): tf.Tensor },
  { state, x, y, dy, dx, gradients, training = true }: TorchCase<unknown>,
): Promise<number> {
  registerGradients();
  layer.loadStateDict(stateOf(state));
  layer.train(training);
  const floor = 0.1 * Math.max(...[dx, ...Object.values(gradients)].flatMap(({ data }) => data.map(Math.abs)));
  const parameters = [...layer.namedParameters()];
  const [input, slope] = [tensorOf(x), tensorOf(dy)];
  const forward = layer.forward(input);
  expect(forward.shape).toEqual(y.shape);
  const differences: Record<string, number> = { forward: relativeDifference(forward.dataSync(), y.data) };
  if (!(training && state.running_mean)) {
    const variables = parameters.map(([, { variable }]) => variable);
    // the parameters, any rank each, then `x`
    const run = tf.grads((...inputs: tf.Tensor[]) => layer.forward(inputs[inputs.length - 1]));
    const results = run([...variables, input], slope);
    differences.dx = relativeDifference(results[results.length - 1].dataSync(), dx.data, floor);
    parameters.forEach(([name, { variable, layout }], i) => {
      const gradient = toTorchLayout(results[i].dataSync() as Float32Array, variable.shape, layout);
      differences[name] = relativeDifference(gradient, gradients[name].data, floor);
    });
    tf.dispose(results);
  }
  tf.dispose([forward, input, slope]);
  return Math.max(...Object.values(differences));
}
