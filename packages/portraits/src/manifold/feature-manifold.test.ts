import { selectBackend } from '@lipsync/backends';
import type { Features } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { FeatureManifold, type FeatureManifoldOptions } from './feature-manifold';

type Case = {
  name: string;
  rows: number;
  steps: number;
  bins: number;
  repeats: number;
  options: Required<FeatureManifoldOptions>;
  output: number[];
};
const { cases } = readFixture<{ cases: Case[] }>('manifold');

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** Each vector of `data` so often. */
function repeated({ data, steps, bins }: Features, times: number): Features {
  const all = new Float32Array(times * data.length);
  for (let step = 0; step < steps * times; step++) {
    const from = Math.floor(step / times) * bins;
    all.set(data.subarray(from, from + bins), step * bins);
  }
  return { data: all, steps: steps * times, bins };
}

function inputs({ rows, steps, bins, repeats }: Case): { base: Features; features: Features } {
  return {
    base: repeated({ data: numbers(`base ${rows}`, [rows, bins]), steps: rows, bins }, repeats),
    features: { data: numbers(`features ${steps}`, [steps, bins]), steps, bins },
  };
}

test.each(cases.map((each) => [each.name, each] as const))(
  'FeatureManifold projects as SciPy does: %s',
  async (_, each) => {
    const { base, features } = inputs(each);
    const manifold = new FeatureManifold(base, each.options);
    const { data } = await manifold.project(features);
    expect(relativeDifference(data, each.output)).toBeLessThan(1e-6); // measured 6e-8: the results are float32
    manifold.dispose();
  },
);

test('FeatureManifold projects a vector of the base on itself, and in pieces as in one go', async () => {
  const { base } = inputs(cases[0]);
  const manifold = new FeatureManifold(base);
  const whole = await manifold.project({ data: base.data.slice(0, 150 * base.bins), steps: 150, bins: base.bins });
  expect(relativeDifference(whole.data, base.data.slice(0, 150 * base.bins))).toBeLessThan(1e-6); // measured 0
  const features = { data: numbers('stream', [130, base.bins]), steps: 130, bins: base.bins };
  const together = await manifold.project(features);
  for (const [from, to] of [
    [0, 1],
    [1, 70],
    [70, 130],
  ]) {
    const data = features.data.slice(from * base.bins, to * base.bins);
    const piece = await manifold.project({ data, steps: to - from, bins: base.bins });
    expect(piece.data).toEqual(together.data.slice(from * base.bins, to * base.bins));
  }
  manifold.dispose();
});

test('FeatureManifold finds the nearest in a base of several parts, also where float32 does not tell them apart', async () => {
  const bins = 16;
  const steps = 9000;
  const data = numbers('far base', [steps, bins], 99, 101);
  const wanted = 8500;
  const vector = data.slice(wanted * bins, (wanted + 1) * bins);
  vector[3] += 1e-4; // |f|² is 160,000: a step of float32 is 0.016, and the squared distance 1e-8
  const manifold = new FeatureManifold({ data, steps, bins }, { neighbours: 1 });
  const projected = await manifold.project({ data: vector, steps: 1, bins });
  expect(projected.data).toEqual(data.slice(wanted * bins, (wanted + 1) * bins));
  manifold.dispose();
});

test('FeatureManifold of equal vectors projects everything on them', async () => {
  const base = { data: new Float32Array(12 * 3).fill(0.5), steps: 12, bins: 3 };
  const manifold = new FeatureManifold(base);
  const projected = await manifold.project({ data: Float32Array.of(1, 2, 3), steps: 1, bins: 3 });
  expect(projected.data).toEqual(Float32Array.of(0.5, 0.5, 0.5));
  manifold.dispose();
});

test('FeatureManifold holds the base until dispose and leaves no tensor of a projection', async () => {
  const before = tf.memory().numTensors;
  const { base, features } = inputs(cases[0]);
  const manifold = new FeatureManifold(base);
  const held = tf.memory().numTensors;
  await manifold.project(features);
  expect(tf.memory().numTensors).toBe(held);
  manifold.dispose();
  manifold.dispose();
  expect(tf.memory().numTensors).toBe(before);
  await expect(manifold.project(features)).rejects.toThrow(
    'FeatureManifold.project: this manifold must be in use, got one that was disposed',
  );
});

describe('FeatureManifold refuses', () => {
  const base = { data: new Float32Array(36), steps: 12, bins: 3 };
  test.each([
    ['a short base', () => new FeatureManifold({ ...base, data: base.data.slice(9), steps: 9 }), 'base must be of at'],
    ['no neighbours', () => new FeatureManifold(base, { neighbours: 0 }), 'neighbours must be a whole number from 1'],
    ['a negative ridge', () => new FeatureManifold(base, { ridge: -1 }), 'ridge must be from 0 to below 1, got -1'],
    ['a blend above 1', () => new FeatureManifold(base, { blend: 2 }), 'blend must be from 0 to 1, got 2'],
    [
      'a base with NaN',
      () => new FeatureManifold({ ...base, data: base.data.map((_, i) => (i === 7 ? Number.NaN : 0)) }),
      'FeatureManifold: base.data must be finite, got NaN at step 2',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('features of other bins or with values that are not finite', async () => {
    const manifold = new FeatureManifold(base);
    await expect(manifold.project({ data: new Float32Array(4), steps: 1, bins: 4 })).rejects.toThrow(
      'FeatureManifold.project: features.bins must be 3, as in the base, got 4',
    );
    const infinite = { data: Float32Array.of(0, Infinity, 0), steps: 1, bins: 3 };
    await expect(manifold.project(infinite)).rejects.toThrow('features.data must be finite, got Infinity at step 0');
    manifold.dispose();
  });
});
