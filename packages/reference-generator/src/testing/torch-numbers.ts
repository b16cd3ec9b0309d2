import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { made, type Shares } from '../../../dinet/src/testing/torch-numbers';
import type { AffineMap } from '../discriminator/warp-affine';
import type { ReferenceAttention, ReferenceGeneratorConfig } from '../network/config';

export {
  compareGradients,
  difference,
  fillMade,
  made,
  weighted,
} from '../../../dinet/src/testing/torch-numbers';

export type GeneratorCase = {
  name: string;
  config: ReferenceGeneratorConfig;
  clips: number;
  frames: number;
  references: number;
  training: boolean;
  draw: number;
  size: number;
  output: Shares;
  mask: Shares | null;
  loss: number;
  gradients: Record<string, Shares>;
  inputs: { masked: Shares; references: Shares; audio: Shares };
  running: Record<string, Shares>;
};

/** Numbers `[..., height, width, channels]` in blocks of 8 x 8 pixels, as the reference script's `blocks`. */
export function madeBlocks<T extends tf.Tensor>(name: string, shape: number[], low: number, high: number): T {
  const [height, width, channels] = shape.slice(-3);
  const many = shape.slice(0, -3).reduce((product, side) => product * side, 1);
  const [rows, columns] = [height / 8, width / 8];
  return tf.tidy(() => {
    const coarse = made(name, [many * rows, 1, columns, 1, channels], low, high);
    return tf.reshape(tf.tile(coarse, [1, 8, 1, 8, 1]), shape) as T;
  });
}

/** As in the reference: the last scale of each encoder a tenth as large, so that attention does not pick one reference. */
export const calmed = (name: string) =>
  /^((identity|reference)_encoder\.6\.1|audio_encoder\.12)\.conv_block\.1\.(weight|bias)$/.test(name) ? 0.1 : 1;

/** A file of `fixtures`. */
export function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../fixtures/${name}.json`, import.meta.url), 'utf8')) as T;
}

/** What reference/reference-generator.py writes. */
export type NetworkNumbers = {
  counts: { full: number; lite: number; plain: number };
  parts: Record<string, number>;
  attention: { attention: ReferenceAttention; weights: number[]; audio: number[]; references: number[] }[];
  blurs: { kernel: number; sigma: number; numbers: number[] }[];
  resizes: { side: number; numbers: number[] }[];
  generators: GeneratorCase[];
};

/** The largest difference of two lists of the same length. */
export function farthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} numbers for ${expected.length}`);
  return Array.from(expected).reduce((most, number, i) => Math.max(most, Math.abs(actual[i] - number)), 0);
}

type DiscriminatorCase = {
  name: string;
  frames: number;
  size: number;
  width: number;
  n: number;
  gamma: number;
  penalised: 'real' | 'generated';
  maps: AffineMap[] | null;
  rate: number;
  names: string[];
  steps: {
    terms: { real: number; generated: number; r1: number };
    gradients: Record<string, Shares>;
    vectors: Record<string, Shares>;
  }[];
};

type LossCase = { value: number; gradient: number[] };

/** What reference/reference-generator-losses.py writes. */
export type LossNumbers = {
  losses: Record<'maskedL1' | 'maskLoss' | 'expertLoss' | 'adversarialLoss', LossCase>;
  warp: { maps: AffineMap[]; numbers: number[]; gradient: number[] };
  eroded: number[];
  parameters: { clip: number; frame: number };
  discriminators: DiscriminatorCase[];
};
