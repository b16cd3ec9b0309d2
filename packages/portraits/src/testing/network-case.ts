import { type Module, registerGradients, toTorchLayout } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';

/** A summary of an array in PyTorch's order: largest magnitude, root mean square, every `step`-th value. */
export type Shares = { largest: number; rms: number; step: number; numbers: number[] };

/** Fills a module with made weights, by its names and shapes, as `formula_weights.fill`. */
export async function fillMade(net: Module): Promise<void> {
  const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [name, shape] as const);
  net.loadStateDict(formulaStateDict(shapes));
}

/** The largest difference from a summary's values and root mean square, as a share of its largest value. */
export function shareOff(actual: ArrayLike<number>, { largest, rms, step, numbers }: Shares): number {
  expect(Math.floor((actual.length - 1) / step) + 1).toBe(numbers.length);
  let squares = 0;
  for (let i = 0; i < actual.length; i++) squares += actual[i] ** 2;
  const spread = Math.abs(Math.sqrt(squares / actual.length) - rms);
  const off = Math.max(spread, ...numbers.map((number, i) => Math.abs(actual[i * step] - number)));
  return Number.isNaN(off) ? Infinity : off === 0 ? 0 : off / largest;
}

/** A loss of a result of any rank with another slope at every place: the mean of `y · cos(0.9 i + 0.3)`. */
export function weighted(y: tf.Tensor): tf.Scalar {
  const wave = Float32Array.from({ length: y.size }, (_, i) => Math.cos(0.9 * i + 0.3));
  return tf.mean(tf.mul(y, tf.tensor(wave, y.shape)));
}

/**
 * The loss, and by how much the gradients of parameters and inputs (of any rank) differ from PyTorch's: the largest of
 * all, as shares of each one's largest value, or of a hundredth of the largest of all where that is more. Those that are
 * zero in float64, such as of a bias before a normalisation, are compared with the largest of all. Parameters without a
 * reference are left out.
 */
export function compareGradients(
  net: Module,
  loss: (...inputs: tf.Tensor[]) => tf.Scalar,
  { inputs, gradients }: { inputs: [tf.Tensor, Shares][]; gradients: Record<string, Shares> },
): { loss: number; worst: number; name: string } {
  registerGradients();
  const parameters = [...net.namedParameters()].filter(([name]) => gradients[name]);
  expect(parameters.length).toBe(Object.keys(gradients).length);
  const run = tf.valueAndGrads((...all: tf.Tensor[]) => loss(...all.slice(parameters.length)));
  const variables = parameters.map(([, { variable }]) => variable as tf.Tensor);
  const { value, grads } = run([...variables, ...inputs.map(([x]) => x)]);
  const all = [...Object.values(gradients), ...inputs.map(([, shares]) => shares)];
  const most = Math.max(...all.map(({ largest }) => largest));
  const scale = (largest: number) => (largest < 1e-10 * most ? most : Math.max(largest, 0.01 * most));
  const off = (actual: ArrayLike<number>, expected: Shares) =>
    shareOff(actual, { ...expected, largest: scale(expected.largest) });
  let [worst, worstName] = [0, ''];
  const take = (name: string, share: number) => {
    if (share >= worst) [worst, worstName] = [share, name];
  };
  parameters.forEach(([name, { variable, layout }], i) => {
    take(name, off(toTorchLayout(grads[i].dataSync() as Float32Array, variable.shape, layout), gradients[name]));
  });
  inputs.forEach(([, expected], i) => take(`input ${i}`, off(grads[parameters.length + i].dataSync(), expected)));
  const result = { loss: value.dataSync()[0], worst, name: worstName };
  tf.dispose([value, ...grads]);
  return result;
}
