import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { frechetDistance } from './frechet-distance';
import { FrechetSets } from './frechet-sets';
import { FrechetStatistics } from './frechet-statistics';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const features = (count: number, shift = 0) =>
  tf.tensor2d(Float32Array.from(formulaFeatures(count, 5, 1, shift, 1)), [count, 5]);

test('the score is the distance of both sets, with their numbers, ranks and the protocol; features are disposed', async () => {
  const sets = new FrechetSets('Any', 'fid', 5, {});
  const before = tf.memory().numTensors;
  await sets.add(features(20), 'real');
  await sets.add(features(3, 0.5), 'generated');
  expect(tf.memory().numTensors).toBe(before);
  const score = sets.score('so', { name: 'as said' });
  expect(score).toEqual({
    metric: 'fid',
    value: frechetDistance(sets.statistics('real'), sets.statistics('generated')).value,
    samples: 3,
    convention: 'so',
    notes: [
      'FID of 3 images is not reliable: at least 2048 are needed',
      'few samples make the value too high: compare it only with values of as many images',
      'the covariance of the generated images has rank 2 of 5',
    ],
    sets: { real: { samples: 20, rank: 5 }, generated: { samples: 3, rank: 2 } },
    protocol: { name: 'as said' },
  });
});

test('statistics that were given take the place of samples, and of enough samples there is no warning', async () => {
  const real = new FrechetStatistics(5);
  real.update(formulaFeatures(2048, 5, 1, 0, 2));
  const sets = new FrechetSets('Any', 'fid', 5, { real: real.moments(), generated: real.moments() });
  expect(sets.score('so', undefined)).toMatchObject({ samples: 2048, notes: [] });
  const { mean, covariance } = real.moments();
  const unknown = new FrechetSets('Any', 'fid', 5, { real: { mean, covariance }, generated: { mean, covariance } });
  expect(unknown.score('so', undefined)).toMatchObject({
    value: 0,
    notes: [],
    sets: { real: { samples: undefined, rank: 5 } },
  });
  await expect(sets.assertSamples(tf.zeros([1, 2, 2, 3]), [1], '[…]', 'real')).rejects.toThrow(
    'Any.update: set must be one without statistics',
  );
});

test('features that are not numbers are refused by row, and disposed', async () => {
  const sets = new FrechetSets('Any', 'fid', 2, {});
  const before = tf.memory().numTensors;
  await expect(sets.add(tf.tensor2d([1, 2, 3, Number.NaN], [2, 2]), 'real')).rejects.toThrow(
    'rows must be finite, got NaN in row 1',
  );
  expect(tf.memory().numTensors).toBe(before);
});

test('samples must have the shape, the size and the range', async () => {
  const sets = new FrechetSets('Any', 'fid', 5, {});
  const check = (samples: tf.Tensor) =>
    sets.assertSamples(samples, [undefined, undefined, undefined, 3], '[batch, height, width, 3]', 'real');
  const before = tf.memory().numTensors;
  const [good, other, empty, wide, flat] = [
    tf.ones([2, 4, 6, 3]),
    tf.ones([2, 6, 4, 3]),
    tf.ones([0, 4, 6, 3]),
    tf.fill([1, 4, 6, 3], -0.5),
    tf.ones([4, 6, 3]),
  ];
  await check(good);
  await check(good);
  await expect(check(other)).rejects.toThrow('Any.update: images must be of 4 x 6 pixels, as before, got 6 x 4');
  await expect(check(empty)).rejects.toThrow('float32 of shape [batch, height, width, 3], got float32 [0, 4, 6, 3]');
  await expect(check(wide)).rejects.toThrow('Any.update: images must be in 0..1, got -0.5 to -0.5');
  await expect(check(flat)).rejects.toThrow('got float32 [4, 6, 3]');
  sets.reset();
  await check(other);
  tf.dispose([good, other, empty, wide, flat]);
  expect(tf.memory().numTensors).toBe(before);
});
