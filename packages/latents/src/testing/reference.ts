import { readFileSync } from 'node:fs';
import type { NamedArray } from '@lipsync/checkpoints';
import type { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';
import type { AutoencoderConfig } from '../network/config';

/** Of a tensor in PyTorch's order (images channels last): the largest magnitude, and every `step`-th value. */
export type Shares = { largest: number; step: number; numbers: number[] };
type Shapes = [string, number[]][];

export type AutoencoderCase = {
  name: string;
  config: AutoencoderConfig;
  n: number;
  height: number;
  width: number;
  shapes: Shapes;
  mean: Shares;
  logVariance: Shares;
  image: Shares;
  divergence: number;
  loss: number;
  images: Shares;
  gradients: Record<string, Shares>;
};

/** The fixture that reference/latents-autoencoder.py writes. */
export const REFERENCE = JSON.parse(
  readFileSync(new URL('../../fixtures/autoencoder.json', import.meta.url), 'utf8'),
) as { parameters: number; shapes: Shapes; cases: AutoencoderCase[] };

/** A tensor of the values that `formula_weights.numbers` makes, -1 to 1. */
export function made(name: string, shape: [number, number, number, number]): tf.Tensor4D {
  const size = shape.reduce((product, side) => product * side, 1);
  return tf.tensor4d(formulaNumbers(name, size, -1, 1), shape);
}

/** Fills a module with made weights, as `formula_weights.fill`. */
export async function fillMade(net: Module): Promise<Map<string, NamedArray>> {
  const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [name, shape] as const);
  const state = formulaStateDict(shapes);
  net.loadStateDict(state);
  return state;
}

/** The largest difference from the values of a reference, as a share of the largest. */
export function difference(actual: ArrayLike<number>, { largest, step, numbers }: Shares): number {
  if (Math.floor((actual.length - 1) / step) + 1 !== numbers.length) return Number.POSITIVE_INFINITY;
  return Math.max(...numbers.map((number, i) => Math.abs(actual[i * step] - number))) / largest;
}
