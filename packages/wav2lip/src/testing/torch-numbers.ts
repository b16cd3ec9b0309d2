import { readFileSync } from 'node:fs';
import type { NamedArray } from '@lipsync/checkpoints';
import { type Module, registerGradients, toTorchLayout } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';

/** A summary of a tensor in PyTorch's order (images channels last): largest magnitude, root mean square, every `step`-th value. */
export type Shares = { largest: number; rms: number; step: number; numbers: number[] };
type Gradients = Record<string, Shares>;
type Shapes = [string, number[]][];
/** Losses of one step of the schedule, from before its updates. */
export type ScheduleEntry = Record<'weight' | 'generator' | 'sync' | 'gan' | 'image' | 'discriminator', number>;

/** The fixture that reference/wav2lip.py writes. */
export const REFERENCE = JSON.parse(readFileSync(new URL('../../fixtures/wav2lip.json', import.meta.url), 'utf8')) as {
  counts: { generator: number; quality: number; joint: number };
  shapes: { generator: Shapes; quality: Shapes };
  generators: {
    name: string;
    width: number;
    size: number;
    n: number;
    height: number;
    columns: number;
    training: boolean;
    draw: number;
    output: Shares;
    loss: number;
    gradients: Gradients;
    inputs: { masked: Shares; references: Shares; audio: Shares };
    running: Record<string, Shares>;
  }[];
  quality: {
    width: number;
    size: number;
    n: number;
    scores: number[];
    discriminator: number;
    generator: number;
    gradients: Gradients;
    dx: Shares;
  };
  joint: {
    draw: number;
    width: number;
    size: number;
    n: number;
    near: number[];
    far: number[];
    loss: number;
    gradients: Gradients;
    dx: Shares;
  };
  schedule: { draw: number; rows: number; size: number; width: number; rate: number; log: ScheduleEntry[] };
};

const sizeOf = (shape: readonly number[]) => shape.reduce((product, side) => product * side, 1);

/** Images `[n, height, width, 3]` of the values that `formula_weights.numbers` makes. The caller disposes them. */
export function images(name: string, n: number, height: number, width = height): tf.Tensor4D {
  return tf.tensor4d(formulaNumbers(name, sizeOf([n, height, width, 3]), 0, 1), [n, height, width, 3]);
}

/** Mel windows `[n, 80, 16]`, likewise. */
export function mel(name: string, n: number): tf.Tensor3D {
  return tf.tensor3d(formulaNumbers(name, n * 80 * 16, -4, 4), [n, 80, 16]);
}

/** Fills a module with made weights, by its names and shapes, as `formula_weights.fill`. */
export async function fillMade(net: Module): Promise<Map<string, NamedArray>> {
  const state = formulaStateDict([...(await net.stateDict())].map(([name, { shape }]) => [name, shape] as const));
  net.loadStateDict(state);
  return state;
}

/** Three times the mean of images `[n, height, width, channels]` times a wave, as in reference/wav2lip.py. */
export function weighted(y: tf.Tensor4D): tf.Scalar {
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
 * A loss's gradients by a module's parameters and by inputs, compared with PyTorch's: the loss, the largest difference
 * as a share of the bound (1e-3 of the largest reference value, plus 1e-5 of the largest of all gradients: those of
 * biases before BatchNorm are 0 but for rounding), and those that exceed it.
 */
export function compareGradients(
  net: Module,
  loss: (...inputs: tf.Tensor[]) => tf.Scalar,
  inputs: Record<string, [tf.Tensor, Shares]>,
  gradients: Gradients,
): { loss: number; largest: number; wrong: Record<string, number> } {
  registerGradients();
  const parameters = [...net.namedParameters()];
  expect(parameters.map(([name]) => name).sort()).toEqual(Object.keys(gradients).sort());
  const run = tf.valueAndGrads((...all: tf.Tensor[]) => loss(...all.slice(parameters.length)));
  const given = Object.values(inputs).map(([x]) => x);
  const { value, grads } = run([...parameters.map(([, { variable }]) => variable as tf.Tensor), ...given]);
  const steepest = Math.max(...Object.values(gradients).map(({ largest }) => largest));
  const shareOf = (data: ArrayLike<number>, expected: Shares) =>
    difference(data, expected) / (1e-3 * expected.largest + 1e-5 * steepest);
  const found: [string, number][] = [
    ...parameters.map(([name, { variable, layout }], i): [string, number] => {
      const gradient = toTorchLayout(grads[i].dataSync() as Float32Array, variable.shape, layout);
      return [name, shareOf(gradient, gradients[name])];
    }),
    ...Object.entries(inputs).map(([name, [, expected]], i): [string, number] => [
      name,
      shareOf(grads[parameters.length + i].dataSync(), expected),
    ]),
  ];
  const result = {
    loss: value.dataSync()[0],
    largest: Math.max(...found.map(([, share]) => share)),
    wrong: Object.fromEntries(found.filter(([, share]) => !(share <= 1))),
  };
  tf.dispose([value, ...grads]);
  return result;
}
