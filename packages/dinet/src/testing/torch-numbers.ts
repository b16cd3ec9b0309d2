import { readFileSync } from 'node:fs';
import type { NamedArray } from '@lipsync/checkpoints';
import { type Module, registerGradients, toTorchLayout } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';
import type { DinetConfig } from '../network/config';

/**
 * A summary of a tensor in PyTorch's order (frames channels last): largest magnitude, root mean square, every `step`-th
 * value.
 */
export type Shares = { largest: number; rms: number; step: number; numbers: number[] };
type Shapes = [string, number[]][];

export type GeneratorCase = {
  name: string;
  config: DinetConfig;
  height: number;
  width: number;
  n: number;
  training: boolean;
  draw: number;
  shapes: Shapes;
  output: Shares;
  loss: number;
  gradients: Record<string, Shares>;
  inputs: { masked: Shares; references: Shares; audio: Shares };
  running: Record<string, Shares>;
};

/** The fixture that reference/dinet.py writes. */
export const REFERENCE = JSON.parse(readFileSync(new URL('../../fixtures/dinet.json', import.meta.url), 'utf8')) as {
  source: string;
  counts: { DINET: number; THESIS_DINET: number; frame: number; clip: number };
  shapes: { DINET: Shapes; frame: Shapes; clip: Shapes };
  adaAT: {
    sampling: DinetConfig['sampling'];
    shape: [number, number, number, number];
    parameters: number;
    output: number[];
    loss: number;
    dFeatures: number[];
    dParameters: number[];
    gradients: Record<string, number[]>;
  }[];
  generators: GeneratorCase[];
  discriminators: {
    frameCount: number;
    n: number;
    height: number;
    width: number;
    output: Shares;
    loss: number;
    dx: Shares;
    gradients: Record<string, Shares>;
  }[];
  audioFeatures: { audioNorm: DinetConfig['audioNorm']; mean: number; spread: number }[];
};

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

/** A tensor of any rank of the values that `formula_weights.numbers` makes. */
export function made<T extends tf.Tensor>(name: string, shape: number[], low: number, high: number): T {
  return tf.tensor(formulaNumbers(name, sizeOf(shape), low, high), shape) as T;
}

/** Fills a module with made weights, by its names and shapes, as `formula_weights.fill`; each times `factor(name)`. */
export async function fillMade(
  net: Module,
  factor: (name: string) => number = () => 1,
): Promise<Map<string, NamedArray>> {
  const state = formulaStateDict([...(await net.stateDict())].map(([name, { shape }]) => [name, shape] as const));
  for (const [name, { data }] of state) {
    if (data instanceof Float32Array && factor(name) !== 1)
      data.forEach((number, i) => (data[i] = number * factor(name)));
  }
  net.loadStateDict(state);
  return state;
}

/**
 * A loss of `y` `[batch, height, width, channels]` with a different target gradient at every place: three times the
 * mean of the output times a wave, as in reference/dinet.py.
 */
export function weighted(y: tf.Tensor): tf.Scalar {
  const [, height, width, channels] = y.shape;
  const wave = Float32Array.from({ length: y.size }, (_, i) => {
    const [c, pixel] = [i % channels, Math.floor(i / channels)];
    const [column, line] = [pixel % width, Math.floor(pixel / width)];
    return Math.sin(0.7 * Math.floor(line / height) + 1.3 * c + 0.11 * (line % height) + 0.17 * column);
  });
  return tf.mul(tf.mean(tf.mul(y, tf.tensor(wave, y.shape))), 3);
}

/** The largest difference from a summary's values and root mean square. */
export function difference(actual: ArrayLike<number>, { rms, step, numbers }: Shares): number {
  expect(Math.floor((actual.length - 1) / step) + 1).toBe(numbers.length);
  let squares = 0;
  for (let i = 0; i < actual.length; i++) squares += actual[i] ** 2;
  const spread = Math.abs(Math.sqrt(squares / actual.length) - rms);
  return Math.max(spread, ...numbers.map((number, i) => Math.abs(actual[i * step] - number)));
}

/**
 * The loss, and each gradient whose largest difference from PyTorch exceeds the bound, as a share of the bound
 * (1e-3 of the largest reference value, plus 1e-6: measured 0.72 of it in the published audio encoder in training mode,
 * 0.01 in inference). Also the largest share of all. Inputs and parameters are of any rank.
 */
export function compareGradients(
  net: Module,
  loss: (...inputs: tf.Tensor[]) => tf.Scalar,
  inputs: Record<string, [tf.Tensor, Shares]>,
  gradients: Record<string, Shares>,
): { loss: number; largest: number; wrong: Record<string, number> } {
  registerGradients();
  const parameters = [...net.namedParameters()];
  expect(parameters.map(([name]) => name).sort()).toEqual(Object.keys(gradients).sort());
  const given = Object.values(inputs).map(([x]) => x);
  const run = tf.valueAndGrads((...all: tf.Tensor[]) => loss(...all.slice(parameters.length)));
  const { value, grads } = run([...parameters.map(([, { variable }]) => variable as tf.Tensor), ...given]);
  const shares: [string, number][] = [
    ...parameters.map(([name, { variable, layout }], i): [string, number] => {
      const gradient = toTorchLayout(grads[i].dataSync() as Float32Array, variable.shape, layout);
      return [name, difference(gradient, gradients[name]) / (1e-3 * gradients[name].largest + 1e-6)];
    }),
    ...Object.entries(inputs).map(([name, [, expected]], i): [string, number] => {
      const gradient = grads[parameters.length + i].dataSync();
      return [name, difference(gradient, expected) / (1e-3 * expected.largest + 1e-6)];
    }),
  ];
  const result = {
    loss: value.dataSync()[0],
    largest: Math.max(...shares.map(([, share]) => share)),
    wrong: Object.fromEntries(shares.filter(([, share]) => !(share <= 1))),
  };
  tf.dispose([value, ...grads]);
  return result;
}
