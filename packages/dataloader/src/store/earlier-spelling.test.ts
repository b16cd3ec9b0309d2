import '@tensorflow/tfjs-backend-cpu';
import { createHash } from 'node:crypto';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SyncRecipe } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import fixture from '../../fixtures/earlier-store.json';
import { disposeBatch, SyncLoader } from '../loaders/sync-loader';
import { GENERAL } from '../prepare/preparation';
import { temporaryFolder } from '../testing/made-clips';
import { ClipStore } from './clip-store';
import { mergeStores } from './merge-stores';

const EARLIER = new URL('../../fixtures/earlier-store', import.meta.url).pathname;
const recipe = (store: ClipStore): SyncRecipe => ({
  frameCount: 5,
  fps: 25,
  crop: { ...(store.recipe.crop as Extract<SyncRecipe['crop'], { kind: 'similarity' }>), side: 1.18, size: 8 },
  color: 'RGB',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
});

let folder: string;
let remove: () => Promise<void>;
beforeAll(() => tf.setBackend('cpu'));
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(() => remove());

/** The batches of a store as the fixture records them. */
async function batchesOf(store: ClipStore): Promise<unknown[]> {
  const sampling = {
    kind: 'pairs',
    pairs: 6,
    positiveShare: 0.5,
    minDistance: 1,
    crossClipShare: 0,
    lengthInWindows: 2,
  };
  const loader = new SyncLoader(store, recipe(store), { sampling: sampling as never, augment: null, seed: 5 });
  const sha256 = (tensor: tf.Tensor) => {
    const { buffer, byteOffset, byteLength } = tensor.dataSync();
    return createHash('sha256')
      .update(Buffer.from(buffer, byteOffset, byteLength))
      .digest('hex');
  };
  const batches: unknown[] = [];
  for (const { step } of fixture.batches) {
    const batch = await loader.batch(step);
    const { ids, starts, frameStarts } = batch;
    const labels = [...batch.labels!.dataSync()];
    const hashes = { framesSha256: sha256(batch.frames), featuresSha256: sha256(batch.features) };
    batches.push({ step, ids, starts, frameStarts, labels, ...hashes });
    disposeBatch(batch);
  }
  return batches;
}

test('a store of version 2 opens with the names of now', async () => {
  const store = await ClipStore.open(EARLIER);
  expect(store.readOnly).toBe(true);
  expect(store.recipe).toMatchObject({ crop: { side: 1.9, size: 16 }, features: 'THESIS_MEL', bins: 80 });
  const { toleratedOffset, correctionConfidence, maxRemainingOffset, gates } = GENERAL;
  expect(store.settings).toMatchObject({
    landmarkQuality: 'fast',
    identify: true,
    preparation: { toleratedOffset, correctionConfidence: 0, maxRemainingOffset, gates },
  });
  expect(correctionConfidence).toBe(0.05); // not the default: it was given
  expect(await store.list()).toEqual(['a.mp4.t0.s0', 'sub/b.mp4.t0.s0']);
  expect(await store.info('a.mp4.t0.s0')).toMatchObject({
    frameCount: 25,
    featureSteps: 81,
    video: { fps: 25, width: 256, height: 256 },
    offset: { measured: { offsetFrames: 2, windows: 21 }, corrected: 2, after: { offsetFrames: 0, windows: 16 } },
  });
  const clip = await store.read('sub/b.mp4.t0.s0');
  expect([clip.frames.length, clip.audio.length, clip.features.steps, clip.faceEmbedding?.length]).toEqual([
    22 * 16 * 16 * 3,
    13056, // the audio ends before the frames: it was moved forwards by two
    66,
    128,
  ]);
  expect(await store.dropped()).toMatchObject([{ source: 'mute.mp4', reason: 'no audio' }]);
  expect(await store.source('mute.mp4')).toMatchObject({ clips: [], dropped: [{ reason: 'no audio' }] });
  const manifest = (await store.manifest())!;
  expect(manifest.counts).toMatchObject({ clips: 2, frameCount: 47, dropped: { 'no audio': 1 } });
  expect(manifest.recipe).toEqual(store.recipe);
  expect(manifest.clips[1]).toMatchObject({ frameCount: 22, identity: 'face 0', split: 'train' });
  expect(manifest.clips[0].offset?.after?.offsetFrames).toBe(0);
});

test('its batches are those of the version that wrote it, bit for bit', async () => {
  expect(await batchesOf(await ClipStore.open(EARLIER))).toEqual(fixture.batches);
});

test('it is read only: errors of what would change it say how to continue', async () => {
  const path = join(folder, 'earlier');
  await cp(EARLIER, path, { recursive: true });
  const store = await ClipStore.open(path);
  const rule =
    'store must be of version 3 to be changed (copy it with mergeStores into a new folder, where a preparation resumes)';
  const message = `${rule}, got version 2, which is read only, in ${path}`;
  await expect(ClipStore.create(path, store.recipe, store.settings)).rejects.toThrow(`ClipStore.create: ${message}`);
  const clip = await store.read('a.mp4.t0.s0');
  await expect(store.write(clip)).rejects.toThrow(`ClipStore.write: ${message}`);
  await expect(store.remove(clip.id)).rejects.toThrow(message);
  await expect(store.finish()).rejects.toThrow(message);
  await expect(store.finishSource({ source: 'x.mp4', clips: [], dropped: [] })).rejects.toThrow(message);
  await expect(store.drop({ source: 'x.mp4', reason: 'silent', detail: '' })).rejects.toThrow(message);
  expect(await store.has(clip.id)).toBe(true);
});

test('mergeStores copies it into a store of now, with the same batches, that a preparation resumes', async () => {
  const earlier = await ClipStore.open(EARLIER);
  const { summary } = await mergeStores(join(folder, 'now'), [EARLIER]);
  expect(summary).toMatchObject({ sources: 3, clips: 2, frameCount: 47, dropped: { 'no audio': 1 } });
  const { offsetRule: _, keepConfidence: __, moveConfidence: ___, ...rules } = GENERAL; // it knew no verdicts
  const now = await ClipStore.create(join(folder, 'now'), earlier.recipe, {
    ...earlier.settings,
    preparation: { ...rules, correctionConfidence: 0 },
  });
  expect(now.readOnly).toBe(false);
  expect(await now.source('mute.mp4')).toBeDefined();
  expect(await now.read('a.mp4.t0.s0')).toEqual(await earlier.read('a.mp4.t0.s0'));
  expect(await batchesOf(now)).toEqual(fixture.batches);
});

test('files that are not what their folder says are refused by name and place', async () => {
  const path = join(folder, 'earlier');
  await cp(EARLIER, path, { recursive: true });
  const header = JSON.parse(await readFile(join(path, 'store.json'), 'utf8'));
  await writeFile(join(path, 'store.json'), JSON.stringify({ ...header, crop: { ...header.crop, size: -1 } }));
  await expect(ClipStore.open(path)).rejects.toThrow('ClipStore.open: store.json: crop.size must be >=1, got -1');
  await writeFile(join(path, 'store.json'), JSON.stringify(header));
  await writeFile(join(path, 'sources/a.mp4.json'), '{"source":"a.mp4","clips":[],"dropped":[{"source":"a.mp4"}]}');
  await expect((await ClipStore.open(path)).source('a.mp4')).rejects.toThrow(
    'ClipStore.source: sources/a.mp4.json: dropped.0.reason must be',
  );
});
