import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Numbers, readFixture, relativeDifference, tensorOf } from '../testing/torch-case';
import { clipGradientNorm } from './clip-gradient-norm';

type Named = Record<string, Numbers>;
const { gradients, clips } = readFixture<{
  gradients: Named;
  clips: { maxNorm: number; norm: number; after: Named }[];
}>('clip-gradient-norm');
const made = () => new Map(Object.entries(gradients).map(([name, value]) => [name, tensorOf(value)]));

describe('clipGradientNorm', () => {
  beforeAll(() => tf.setBackend('cpu'));

  test.each(clips.map((clip) => [clip.maxNorm, clip] as const))(
    'scales as clip_grad_norm_ to %d',
    (maxNorm, { norm, after }) => {
      const clipped = made();
      const before = tf.memory().numTensors;
      const returned = clipGradientNorm(clipped, maxNorm);
      expect(tf.memory().numTensors).toBe(before + 1);
      expect(relativeDifference(returned.dataSync(), [norm])).toBeLessThan(3e-7); // equal here
      for (const [name, { data }] of Object.entries(after)) {
        // measured 2.6e-9
        expect(relativeDifference(clipped.get(name)?.dataSync() as Float32Array, data)).toBeLessThan(5e-7);
      }
    },
  );

  test('keeps small gradients bitwise', () => {
    const clipped = made();
    clipGradientNorm(clipped, 1e6);
    for (const [name, tensor] of made()) expect(clipped.get(name)?.dataSync()).toEqual(tensor.dataSync());
  });

  test('gives norm 0 for no gradients and refuses a limit of 0', () => {
    expect(clipGradientNorm(new Map(), 1).dataSync()[0]).toBe(0);
    expect(() => clipGradientNorm(made(), 0)).toThrow('clipGradientNorm: maxNorm must be above 0, got 0');
  });
});
