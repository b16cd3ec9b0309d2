import { readFileSync } from 'node:fs';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { formatScore } from '../metric-description';
import { InceptionFid } from '../networks/inception-fid';
import { formulaImages, relativeDifference } from '../testing/formula-images';
import { type FidPreprocessing, FidScorer, fidInput } from './fid-scorer';

type Preprocessed = { name: string; height: number; width: number; size: number } & Record<FidPreprocessing, number[]>;
type Fixture = {
  shapes: Record<string, number[]>;
  preprocessing: Preprocessed[];
  fid: { images: number; height: number; width: number; size: number; features: 64; value: number };
};
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/inception.json', import.meta.url), 'utf8')) as Fixture;

/** The red of 8 x 8 pixels: 64 features that are quick. */
const quick = {
  forward: (x: tf.Tensor4D) => tf.tidy(() => tf.reshape(tf.split(x, 3, 3)[0], [x.shape[0], 64])),
} as InceptionFid;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

describe('fidInput', () => {
  const ways: FidPreprocessing[] = ['pytorch-fid', 'torch-fidelity', 'torchmetrics'];
  const table = fixture.preprocessing.flatMap((each) =>
    ways.map((way) => [way, each.height, each.width, each.size, each] as const),
  );

  test.each(table)('prepares images as %s does: %d x %d to %d pixels', (way, height, width, size, each) => {
    const images = formulaImages(each.name, 1, height, width);
    const before = tf.memory().numTensors;
    const x = fidInput(images, way, size);
    expect(tf.memory().numTensors).toBe(before + 1);
    const got = x.dataSync().filter((_, i) => i % 997 === 0);
    expect(relativeDifference(got, each[way])).toBeLessThan(1e-5); // measured 3e-6
    tf.dispose([images, x]);
  });
});

test('FidScorer equals PyTorch, NumPy and SciPy from images to the number', async () => {
  const { fid: wanted, shapes } = fixture;
  const network = new InceptionFid();
  network.loadStateDict(formulaStateDict(Object.entries(shapes)));
  const fid = new FidScorer({ network, features: wanted.features, size: wanted.size, batchSize: 32 });
  const before = tf.memory().numTensors;
  for (const set of ['real', 'generated'] as const) {
    const images = formulaImages(set, wanted.images, wanted.height, wanted.width);
    await fid.update(images, set);
    images.dispose();
  }
  expect(tf.memory().numTensors).toBe(before);
  const score = fid.compute();
  expect(Math.abs(score.value / wanted.value - 1)).toBeLessThan(1e-5); // measured 3e-7
  expect(score.sets).toEqual({ real: { samples: 80, rank: 64 }, generated: { samples: 80, rank: 64 } });
  expect(score.protocol).toEqual({
    network: 'Inception-v3 of 2015-12-05',
    features: 64,
    preprocessing: 'pytorch-fid',
    size: 75,
  });
  expect(formatScore(score)).toBe(
    'FID 0.05133 (lower is better; 80 images; Inception-v3 of 2015-12-05, 64 features, resized to 75 as pytorch-fid does, ' +
      'covariance by N - 1)\n' +
      '  note: FID of 80 images is not reliable: at least 2048 are needed\n' +
      '  note: few samples make the value too high: compare it only with values of as many images',
  );
  network.dispose();
});

describe('FidScorer', () => {
  const fidOf = (options = {}) => new FidScorer({ network: quick, features: 64, size: 8, ...options });
  const images = (name: string, count: number) => formulaImages(name, count, 64, 72);

  test('warns of few images, naming rank and number, and of none where there are enough', async () => {
    const fid = fidOf();
    const few = images('few', 30);
    await fid.update(few, 'real');
    expect(() => fid.compute()).toThrow(
      'FidScorer.compute: generated must be at least 2 images (call update first), got 0',
    );
    const many = images('many', 70);
    for (let i = 0; i < 30; i++) await fid.update(many, 'generated');
    const { notes, samples, sets } = fid.compute();
    expect(samples).toBe(30);
    expect(sets).toEqual({ real: { samples: 30, rank: 29 }, generated: { samples: 2100, rank: 64 } });
    expect(notes).toHaveLength(3);
    expect(notes[0]).toBe('FID of 30 images is not reliable: at least 2048 are needed');
    expect(notes[2]).toBe('the covariance of the real images has rank 29 of 64');
    const enough = fidOf();
    for (let i = 0; i < 30; i++) {
      await enough.update(many, 'real');
      await enough.update(many, 'generated');
    }
    expect(enough.compute().notes).toEqual([]);
    tf.dispose([few, many]);
  });

  test('batches of any size give the same, and equal sets give 0', async () => {
    const x = images('some', 90);
    const scores = [];
    for (const batchSize of [7, 90]) {
      const fid = fidOf({ batchSize });
      await fid.update(x, 'real');
      const [first, rest] = tf.split<tf.Tensor4D>(x, [30, 60]);
      await fid.update(first, 'generated');
      await fid.update(rest, 'generated');
      scores.push(fid.compute());
      tf.dispose([first, rest]);
    }
    expect(scores[0].value).toBeLessThan(1e-12); // measured 0
    expect(scores[1]).toEqual(scores[0]);
    x.dispose();
  });

  test('statistics of the real set can come from an earlier day', async () => {
    const [real, generated] = ['real', 'generated'].map((name) => images(name, 80));
    const both = fidOf();
    await both.update(real, 'real');
    await both.update(generated, 'generated');
    const { mean, covariance } = both.statistics('real').moments();
    const later = fidOf({ real: { mean, covariance } });
    await later.update(generated, 'generated');
    const [now, then] = [later.compute(), both.compute()];
    expect(now.value).toBe(then.value);
    expect(now.samples).toBe(80);
    expect(now.sets.real).toEqual({ samples: undefined, rank: 64 });
    await expect(later.update(real, 'real')).rejects.toThrow('set must be one without statistics of its own, got real');
    later.reset();
    await later.update(generated, 'generated');
    expect(later.compute().value).toBe(then.value);
    expect(() => fidOf({ real: { mean: mean.slice(1), covariance } })).toThrow('FidScorer: real.covariance must be');
    expect(() => fidOf({ features: 192, real: { mean, covariance } })).toThrow(
      'FidScorer: real must be of 192 features, got 64',
    );
    tf.dispose([real, generated]);
  });

  test('refuses images of mixed sizes, other values and other shapes', async () => {
    const fid = fidOf();
    const [x, other] = [images('a', 2), formulaImages('b', 2, 72, 64)];
    await fid.update(x, 'real');
    await expect(fid.update(other, 'generated')).rejects.toThrow(
      'FidScorer.update: images must be of 64 x 72 pixels, as before, got 72 x 64',
    );
    const bytes = tf.mul<tf.Tensor4D>(x, 255);
    await expect(fid.update(bytes, 'real')).rejects.toThrow('FidScorer.update: images must be in 0..1, got');
    const whole = tf.cast(x, 'int32') as tf.Tensor4D;
    await expect(fid.update(whole, 'real')).rejects.toThrow(
      'images must be float32 of shape [batch, height, width, 3], got int32 [2, 64, 72, 3]',
    );
    await expect(fid.update(x, 'fake' as 'real')).rejects.toThrow(
      'FidScorer.update: set must be real or generated, got fake',
    );
    expect(fid.statistics('real').count).toBe(2);
    tf.dispose([x, other, bytes, whole]);
  });

  test('refuses options that are not there', () => {
    expect(() => fidOf({ features: 100 })).toThrow('FidScorer: features must be 64, 192, 768, 2048, got 100');
    expect(() => fidOf({ preprocessing: 'tf' })).toThrow(
      'FidScorer: preprocessing must be pytorch-fid, torch-fidelity, torchmetrics, got tf',
    );
    expect(() => fidOf({ batchSize: 0 })).toThrow('FidScorer: batchSize must be a whole number from 1, got 0');
  });
});
