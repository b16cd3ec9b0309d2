import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClipStore } from '../store/clip-store';
import { madeClip, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { DinetLoader, disposeDinetBatch } from './dinet-loader';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
const [height, width] = [13, 10]; // of a mouth of 8 pixels

/** Frame f of clip c is all (c, f, 0), its angle f / 100, mel step t all t. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  ({ folder, remove } = await temporaryFolder());
  store = await ClipStore.create(folder, { ...storeRecipe, crop: { kind: 'dinet head', mouth: 8 } });
  for (const [mark, count] of [30, 40, 9].entries()) {
    const frames = new Uint8Array(count * height * width * 3);
    for (let p = 0; p < frames.length / 3; p++) frames.set([mark, Math.floor(p / (height * width)), 0], 3 * p);
    const poses = Float32Array.from({ length: count * 4 }, (_, i) => (i % 4 === 3 ? Math.floor(i / 4) / 100 : 1));
    await store.write({ ...madeClip(`c${mark}.mp4.t0.s0`, count), frames, height, width, poses });
  }
});
afterAll(() => remove());

test('a batch holds what it names: frames, other frames, audio around each, angles', async () => {
  const loader = new DinetLoader(store, { batchSize: 3, frameCount: 5, seed: 2 });
  const batch = await loader.batch(4);
  expect([batch.frames.shape, batch.references.shape]).toEqual([
    [15, height, width, 3],
    [15, height, width, 15],
  ]);
  expect([batch.features.shape, batch.syncFeatures.shape, batch.angles.shape]).toEqual([
    [15, 4, 16],
    [3, 4, 16, 1],
    [15],
  ]);
  const [frames, references, audio, sync, angles] = await Promise.all(
    [batch.frames, batch.references, batch.features, batch.syncFeatures, batch.angles].map((tensor) => tensor.data()),
  );
  for (let i = 0; i < 15; i++) {
    const row = Math.floor(i / 5);
    const [clip, frame] = [Number(/^c(\d)/.exec(batch.ids[row])![1]), batch.starts[row] + (i % 5)];
    const at = i * height * width * 3;
    expect([Math.round(frames[at] * 255), Math.round(frames[at + 1] * 255)]).toEqual([clip, frame]);
    expect(angles[i]).toBeCloseTo(frame / 100, 7); // measured 1.4e-8: angles are float32
    expect(audio[i * 4 * 16]).toBe(Math.floor(3.2 * (frame - 2)));
    for (let slot = 0; slot < 5; slot++) {
      const reference = Math.round(references[i * height * width * 15 + slot * 3 + 1] * 255);
      expect(Math.round(references[i * height * width * 15 + slot * 3] * 255)).toBe(clip);
      expect(reference < batch.starts[row] || reference >= batch.starts[row] + 5).toBe(true);
    }
  }
  batch.starts.forEach((start, row) => expect(sync[row * 4 * 16]).toBe(Math.floor(3.2 * start)));
  disposeDinetBatch(batch);
});

test('batches are a function of seed and step, short clips are named, rows may have one frame', async () => {
  const loader = new DinetLoader(store, { batchSize: 2, frameCount: 1, seed: 3, startStep: 7 });
  expect(await loader.summary()).toEqual({ clips: 3, leftOut: [] });
  expect((await new DinetLoader(store, { frameCount: 5 }).summary()).leftOut).toEqual(['c2.mp4.t0.s0']);
  const before = tf.memory().numTensors;
  let step = 7;
  for await (const batch of loader) {
    const again = await new DinetLoader(store, { batchSize: 2, frameCount: 1, seed: 3 }).batch(step);
    expect([batch.step, batch.ids, batch.starts]).toEqual([step, again.ids, again.starts]);
    expect(
      Buffer.compare(
        Buffer.from((await batch.references.data()).buffer),
        Buffer.from((await again.references.data()).buffer),
      ),
    ).toBe(0);
    disposeDinetBatch(batch);
    disposeDinetBatch(again);
    if (step++ === 9) break;
  }
  expect(tf.memory().numTensors).toBe(before);
  loader.dispose();
  await expect(loader.batch(0)).rejects.toThrow('DinetLoader: loader must be in use, got one that was disposed');
});

test('DinetLoader refuses other stores and counts', async () => {
  const other = await temporaryFolder();
  const mouths = await ClipStore.create(other.folder, storeRecipe);
  expect(() => new DinetLoader(mouths)).toThrow(
    'DinetLoader: store must be of head crops or face boxes (kind dinet head, face box), got similarity',
  );
  expect(() => new DinetLoader(store, { features: 'words' as never })).toThrow(
    'DinetLoader: features must be mel or logits, got words',
  );
  expect(() => new DinetLoader(store, { referenceCount: 0 })).toThrow(
    'DinetLoader: referenceCount must be a whole number above 0, got 0',
  );
  await other.remove();
});

test("audio logits gives the clips' logits, with two frames more on both sides of a row for DINet's sync network", async () => {
  const other = await temporaryFolder();
  const spoken = await ClipStore.create(other.folder, store.recipe);
  const logits = { data: Float32Array.from({ length: 30 * 29 }, (_, i) => Math.floor(i / 29)), steps: 30, bins: 29 };
  await spoken.write({
    ...madeClip('a.mp4.t0.s0', 30),
    frames: new Uint8Array(30 * height * width * 3),
    height,
    width,
    logits,
  });
  const before = tf.memory().numTensors;
  const loader = new DinetLoader(spoken, { batchSize: 2, features: 'logits', seed: 1 });
  const batch = await loader.batch(0);
  expect([batch.features.shape, batch.syncLogits!.shape, batch.syncFeatures.shape]).toEqual([
    [10, 29, 5],
    [2, 29, 9, 1],
    [2, 4, 16, 1],
  ]);
  const [audio, sync] = await Promise.all([batch.features.data(), batch.syncLogits!.data()]);
  batch.starts.forEach((start, row) => {
    expect([...sync.subarray(row * 29 * 9, row * 29 * 9 + 9)]).toEqual(
      Array.from({ length: 9 }, (_, t) => start - 2 + t),
    );
    expect([...audio.subarray((row * 5 + 4) * 29 * 5, (row * 5 + 4) * 29 * 5 + 5)]).toEqual(
      Array.from({ length: 5 }, (_, t) => start + 2 + t),
    );
  });
  disposeDinetBatch(batch);
  expect(tf.memory().numTensors).toBe(before);
  loader.dispose();
  await other.remove();
});
