import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NamedArray } from '@lipsync/checkpoints';
import { imageFeatureShapes } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { formulaNumbers, formulaStateDict } from '../../../../tests/support/formula-weights';
import type { LpipsNet } from '../image/lpips';

type NetCase = {
  height: number;
  width: number;
  reference: number[];
  torchmetrics: number[];
  published: number[];
  gradient?: { number: number; every: number; data: number[] };
};

/** What reference/metrics-lpips.py measured. */
export const lpipsCases = JSON.parse(readFileSync(new URL('../../fixtures/lpips.json', import.meta.url), 'utf8')) as {
  nets: Record<LpipsNet, NetCase>;
};

const TRUNKS = { alex: 'alexnet', vgg: 'vgg16', squeeze: 'squeezenet1_1' } as const;
const CHANNELS = {
  alex: [64, 192, 384, 256, 256],
  vgg: [64, 128, 256, 512, 512],
  squeeze: [64, 128, 256, 384, 384, 512, 512],
};

/** Made weights of the trunk, as torchvision's file has them. */
export function trunkState(net: LpipsNet): Map<string, NamedArray> {
  return formulaStateDict(imageFeatureShapes(TRUNKS[net]));
}

/** Made weights of the linear layers, none below 0, as LPIPS's file has them. */
export function linearState(net: LpipsNet): Map<string, NamedArray> {
  return new Map(
    CHANNELS[net].map((count, k) => {
      const name = `lin${k}.model.1.weight`;
      return [name, { dtype: 'float32', shape: [1, count, 1, 1], data: formulaNumbers(name, count, 0, 2 / count) }];
    }),
  );
}

/** `pair` of reference/metrics-lpips.py: `[2, height, width, 3]` in -1..1 each. The caller disposes them. */
export function noisePair(net: LpipsNet, number = 0): [tf.Tensor4D, tf.Tensor4D] {
  const { height, width } = lpipsCases.nets[net];
  const made = (name: string) =>
    tf.tensor4d(formulaNumbers(`${name} ${number}`, 2 * height * width * 3, -1, 1), [2, height, width, 3]);
  return [made('real'), made('generated')];
}

const root = fileURLToPath(new URL('../../../..', import.meta.url));

/** LPIPS's published linear layers, which are no part of the repository, or undefined. */
export function publishedLinear(net: LpipsNet): string | undefined {
  const path = join(resolve(root, process.env.LIPSYNC_SHARED ?? '../shared'), 'weights/lpips', `${net}.pth`);
  return existsSync(path) ? path : undefined;
}
