import '@tensorflow/tfjs-backend-cpu';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AUGMENTATION } from '../augment/augmentation';
import type { ClipStore } from '../store/clip-store';
import { madeStore, recipe, temporaryFolder } from '../testing/made-clips';
import type { SyncBatch, SyncLoaderOptions } from './sync-loader';
import { disposeBatch, SyncLoader } from './sync-loader';

/** Threads run the built program: `pnpm build` makes it, as `npm test` does before. */
const built = existsSync(new URL('../../dist/loader-worker.js', import.meta.url));
const threaded = test.skipIf(!built);

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;
beforeAll(async () => {
  await tf.setBackend('cpu');
  ({ folder, remove } = await temporaryFolder());
  store = await madeStore(
    folder,
    Array.from({ length: 8 }, (_, i) => 30 + 5 * i),
  );
});
afterAll(() => remove());

const options: SyncLoaderOptions = {
  sampling: { kind: 'contrast', clips: 3, windows: 2, minDistance: 2 },
  augment: AUGMENTATION,
  seed: 11,
};

async function batches(loader: SyncLoader, count: number): Promise<{ batch: SyncBatch; bytes: Buffer }[]> {
  const out: { batch: SyncBatch; bytes: Buffer }[] = [];
  for await (const batch of loader) {
    const arrays = await Promise.all([batch.frames.data<'float32'>(), batch.features.data<'float32'>()]);
    out.push({ batch, bytes: Buffer.concat(arrays.map(({ buffer }) => Buffer.from(buffer))) });
    disposeBatch(batch);
    if (out.length === count) break;
  }
  return out;
}

threaded(
  `the same bytes with 0, 1 and 4 workers, from any step on${built ? '' : ' (skipped: not built)'}`,
  async () => {
    const alone = await batches(new SyncLoader(store, recipe, { ...options, startStep: 3 }), 9);
    for (const workers of [1, 4]) {
      const loader = new SyncLoader(store, recipe, { ...options, startStep: 3, workers });
      const made = await batches(loader, 9);
      made.forEach(({ batch, bytes }, i) => {
        expect([batch.step, batch.ids, batch.starts]).toEqual([
          alone[i].batch.step,
          alone[i].batch.ids,
          alone[i].batch.starts,
        ]);
        expect(Buffer.compare(bytes, alone[i].bytes)).toBe(0);
      });
      loader.dispose();
    }
  },
);

threaded('an error in a thread reaches the caller with the id of the clip, with its own batch', async () => {
  const own = await temporaryFolder();
  const broken = await madeStore(own.folder, [30]);
  const one: SyncLoaderOptions = { ...options, sampling: { kind: 'contrast', clips: 1, windows: 2, minDistance: 2 } };
  const loader = new SyncLoader(broken, recipe, { ...one, workers: 1 });
  disposeBatch(await loader.batch(0)); // the thread has read the headers, and has the clip in its store
  await loader.summary();
  const late = new SyncLoader(broken, recipe, { ...one, workers: 2 });
  await late.summary();
  await rm(`${own.folder}/clips`, { recursive: true });
  await expect(late.batch(0)).rejects.toThrow(/at least 1 long enough|c0\.mp4\.t0\.s0/);
  const named = new SyncLoader(broken, recipe, { ...one, clips: ['c0.mp4.t0.s0'], workers: 1 });
  await expect(named.batch(0)).rejects.toThrow('c0.mp4.t0.s0');
  for (const each of [loader, late, named]) each.dispose();
  await own.remove();
});

threaded('prefetching is bounded, and dispose ends the threads and rejects what waits', async () => {
  const loader = new SyncLoader(store, recipe, { ...options, workers: 2, prefetch: 3 });
  const iterator = loader[Symbol.asyncIterator]();
  const before = tf.memory().numTensors;
  const first = (await iterator.next()).value;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(tf.memory().numTensors).toBe(before + 2); // what waits is no tensor
  disposeBatch(first);
  loader.dispose();
  await expect(loader.batch(9)).rejects.toThrow('SyncLoader: loader must be in use');
  await expect(async () => {
    for (;;) disposeBatch((await iterator.next()).value);
  }).rejects.toThrow('got one that was disposed');
});
