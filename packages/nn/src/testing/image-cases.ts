import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';
import { type ImageArchitecture, ImageFeatures } from '../losses/image-features';

/** Every `every`-th value of a tensor. */
export type Sampled = { shape: number[]; every: number; data: number[] };
export type DistanceCase = {
  number: number;
  height: number;
  width: number;
  value: number[];
  byReal: Sampled;
  byGenerated: Sampled;
};
type NetworkCase = {
  parameters: number;
  depth: number;
  number: number;
  shapes: Record<string, number[]>;
  height: number;
  width: number;
  taps: (Sampled & { layer: number })[];
  gradient: Sampled;
};

/** The reference values that reference/nn-image-features.py computed. */
export const imageCases = JSON.parse(
  readFileSync(new URL('../../fixtures/image-features.json', import.meta.url), 'utf8'),
) as {
  networks: Record<ImageArchitecture, NetworkCase>;
  dinet: DistanceCase;
  coursework: DistanceCase;
};

/** `[batch, height, width, 3]` in 0..1: `images` of the reference script. The caller disposes it. */
export function madeImages(name: string, batch: number, height: number, width: number): tf.Tensor4D {
  return tf.tensor4d(formulaNumbers(name, batch * height * width * 3, 0, 1), [batch, height, width, 3]);
}

const networks = new Map<ImageArchitecture, ImageFeatures>();

/**
 * A network with the weights of the reference script; made once per test file, since 20 million weights take a second.
 */
export function madeNetwork(architecture: ImageArchitecture): ImageFeatures {
  const network = networks.get(architecture) ?? new ImageFeatures(architecture);
  if (!networks.has(architecture))
    network.loadStateDict(formulaStateDict(Object.entries(imageCases.networks[architecture].shapes)));
  networks.set(architecture, network);
  return network;
}

/** Largest difference of a tensor of any rank as a share of the largest reference value; infinite for another shape. */
export function sampledDifference(got: tf.Tensor, { shape, every, data }: Sampled): number {
  if (got.shape.join() !== shape.join()) return Infinity;
  const numbers = got.dataSync().filter((_, i) => i % every === 0);
  if (numbers.length !== data.length) return Infinity;
  const largest = Math.max(...data.map(Math.abs));
  return (
    Math.max(...data.map((value, i) => (Number.isFinite(numbers[i]) ? Math.abs(value - numbers[i]) : Infinity))) /
    largest
  );
}
