import '@tensorflow/tfjs-backend-cpu';
import { truncate } from 'node:fs/promises';
import type { SyncRecipe } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClipStore } from '../store/clip-store';
import { BINS, madeStore, recipe, temporaryFolder } from '../testing/made-clips';
import type { SyncBatch, SyncLoaderOptions } from './sync-loader';
import { CONTRAST, disposeBatch, SyncLoader, THESIS_PAIRS } from './sync-loader';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
const contrast = { kind: 'contrast', clips: 3, windows: 3, minDistance: 3 } as const;
const plain: SyncLoaderOptions = { sampling: contrast, augment: null, seed: 1 };

beforeAll(async () => {
  await tf.setBackend('cpu');
  ({ folder, remove } = await temporaryFolder());
  store = await madeStore(folder, [30, 8, 40, 25, 60]);
});
afterAll(() => remove());

/** A batch's numbers; frees it. */
async function numbers(batch: SyncBatch) {
  const { frames, features, labels, ...rest } = batch;
  const values = {
    ...rest,
    frames: await frames.data(),
    features: await features.data(),
    labels: await labels?.data(),
  };
  disposeBatch(batch);
  return values;
}

async function take(loader: SyncLoader, count: number) {
  const taken = [];
  for await (const batch of loader) if (taken.push(await numbers(batch)) === count) break;
  return taken;
}

test('a contrast batch holds the windows it names, in the shapes that the towers take', async () => {
  const batch = await new SyncLoader(store, recipe, plain).batch(0);
  expect(batch.frames.shape).toEqual([9, 3, 3, 15]);
  expect(batch.features.shape).toEqual([9, BINS, 16, 1]);
  expect(batch.clips).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  expect(batch.labels).toBeUndefined();
  const { frames, features, ids, starts } = await numbers(batch);
  ids.forEach((id, i) => {
    const frame = frames.subarray(i * 135, i * 135 + 15);
    expect(`c${frame[0]}.mp4.t0.s0`).toBe(id);
    expect(frame[1]).toBe(starts[i]);
    expect(features[i * BINS * 16]).toBe(Math.floor(3.2 * starts[i]));
  });
});

test('a pair batch is labelled: 1 where frames and audio start together', async () => {
  const loader = new SyncLoader(store, recipe, {
    ...THESIS_PAIRS,
    sampling: { ...THESIS_PAIRS.sampling, pairs: 40 },
    seed: 3,
  });
  const { frames, features, labels, starts, frameStarts, ids, frameIds } = await numbers(await loader.batch(2));
  expect(labels!.length).toBe(40);
  expect(frameIds).toEqual(ids);
  for (let i = 0; i < 40; i++) {
    expect(labels![i]).toBe(starts[i] === frameStarts[i] ? 1 : 0);
    expect(frames[i * 135 + 1]).toBe(frameStarts[i]);
    expect(features[i * BINS * 16]).toBe(Math.floor(3.2 * starts[i]));
  }
  expect(new Set(labels)).toEqual(new Set([0, 1]));
});

test('batches do not depend on prefetch, and a stopped run resumes exactly', async () => {
  const options = { ...plain, augment: CONTRAST.augment };
  const straight = await take(new SyncLoader(store, recipe, { ...options, prefetch: 0 }), 5);
  expect(await take(new SyncLoader(store, recipe, { ...options, prefetch: 4 }), 5)).toEqual(straight);
  expect(await take(new SyncLoader(store, recipe, { ...options, startStep: 3 }), 2)).toEqual(straight.slice(3));
  const loader = new SyncLoader(store, recipe, options);
  expect(await numbers(await loader.batch(4))).toEqual(straight[4]);
  expect(straight[0].step).toBe(0);
  expect(straight[0].frames).not.toEqual(straight[1].frames);
});

test('every mel spectrogram can be augmented, LatentSync’s too; MFCC cannot', () => {
  const { augment } = CONTRAST;
  const open = (features: SyncRecipe['features'], featureSteps = recipe.featureSteps) => {
    const stored = Object.create(store, { recipe: { value: { ...store.recipe, features } } }) as ClipStore;
    return new SyncLoader(stored, { ...recipe, features, featureSteps }, { ...plain, augment });
  };
  for (const features of ['THESIS_MEL', 'WAV2LIP_MEL', 'LATENTSYNC_MEL'] as const)
    expect(() => open(features)).not.toThrow();
  expect(() => open('SYNCNET_MFCC', 20)).toThrow('SyncLoader: augment must be null for SYNCNET_MFCC');
});

test('tensor counts: a batch has two tensors or three, prefetching none, an epoch leaves none', async () => {
  const before = tf.memory().numTensors;
  const loader = new SyncLoader(store, recipe, { ...plain, prefetch: 3 });
  for await (const batch of loader) {
    expect(tf.memory().numTensors).toBe(before + 2);
    disposeBatch(batch);
    if (batch.step === 40) break;
  }
  const pairs = await new SyncLoader(store, recipe, THESIS_PAIRS).batch(0);
  expect(tf.memory().numTensors).toBe(before + 3);
  disposeBatch(pairs);
  expect(tf.memory().numTensors).toBe(before);
});

test('summary counts what is drawn from and names what is too short; clips and exclude choose', async () => {
  const all = new SyncLoader(store, recipe, plain);
  expect(await all.summary()).toEqual({ clips: 4, windows: 26 + 36 + 21 + 56, leftOut: ['c1.mp4.t0.s0'] });
  const some = new SyncLoader(store, recipe, { ...plain, exclude: ['c1.mp4.t0.s0', 'c0.mp4.t0.s0'] });
  expect(await some.summary()).toEqual({ clips: 3, windows: 36 + 21 + 56, leftOut: [] });
  const listed = new SyncLoader(store, recipe, { ...plain, clips: ['c0.mp4.t0.s0'] });
  await expect(listed.batch(0)).rejects.toThrow(
    'planBatch: clips must be at least 3 long enough for this sampling, got 1 of 1',
  );
});

test('errors carry the name of the clip', async () => {
  const broken = await temporaryFolder();
  const own = await madeStore(broken.folder, [30, 30, 30], 0);
  const loader = new SyncLoader(own, recipe, plain);
  await loader.summary();
  await truncate(`${broken.folder}/clips/c1.mp4.t0.s0.safetensors`, 2000);
  await expect(loader.batch(0)).rejects.toThrow('readClip: c1.mp4.t0.s0 must be');
  await expect(new SyncLoader(own, recipe, plain).batch(0)).rejects.toThrow('readClip: c1.mp4.t0.s0 must be');
  await expect(new SyncLoader(own, recipe, { ...plain, clips: ['gone.mp4.t0.s0'] }).batch(0)).rejects.toThrow(
    'gone.mp4.t0.s0',
  );
  await broken.remove();
});

test('SyncLoader refuses recipes its store cannot feed, and use after dispose', async () => {
  expect(() => new SyncLoader(store, { ...recipe, fps: 30 })).toThrow('SyncLoader: recipe.fps must be 25');
  expect(() => new SyncLoader(store, recipe, { prefetch: -1 })).toThrow('SyncLoader: prefetch must be');
  const loader = new SyncLoader(store, recipe, plain);
  const batch = await loader.batch(0);
  loader.dispose();
  loader.dispose();
  await expect(loader.batch(1)).rejects.toThrow('SyncLoader: loader must be in use, got one that was disposed');
  await expect(loader.from(0).next()).rejects.toThrow('one that was disposed');
  expect(batch.frames.isDisposed).toBe(false);
  disposeBatch(batch);
});
