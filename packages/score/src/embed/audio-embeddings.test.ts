import { LITE, recipeOf } from '@lipsync/avalignnet';
import type { SyncRecipe, Waveform } from '@lipsync/contracts';
import type { Embedder } from '@lipsync/metrics';
import { expect, test } from 'vitest';
import { AudioEmbeddings } from './audio-embeddings';

const recipe: SyncRecipe = recipeOf(LITE);

/** An embedder whose embedding is a window's first value; records the sizes of its batches. */
function firstValue(concurrency: number) {
  const batches: number[] = [];
  const embedder: Embedder = {
    expert: { name: 'first value', recipe, embeddingSize: 1, space: 'euclidean' },
    concurrency,
    visual: async () => new Float32Array(0),
    audio: async (windows) => {
      batches.push(windows.length);
      await new Promise((done) => setTimeout(done, 1));
      return Float32Array.from(windows, (window) => window[0]);
    },
    dispose: async () => {},
  };
  return { embedder, batches };
}

/** Audio whose loudness changes all the time; counts how often it is opened. */
function audio(frameCount: number) {
  const counts = { opened: 0, open: 0 };
  const samples = Float32Array.from(
    { length: frameCount * 640 },
    (_, i) => Math.sin(i * i * 1e-5) * (0.5 + 0.4 * Math.sin(i / 3000)),
  );
  return {
    counts,
    async *read(): AsyncGenerator<Waveform> {
      counts.opened++;
      counts.open++;
      try {
        for (let at = 0; at < samples.length; at += 4000)
          yield { samples: samples.slice(at, at + 4000), sampleRate: 16000 };
      } finally {
        counts.open--;
      }
    },
  };
}

/** All rows one by one, as they are without any batch. */
async function plain(frameCount: number): Promise<Float32Array> {
  const one = new AudioEmbeddings(firstValue(0).embedder, audio(frameCount).read, { batchSize: 1 });
  const rows: number[] = [];
  for (let frame = 0; await one.has(frame); frame++) rows.push((await one.rows(frame, 1))[0]);
  await one.close();
  return Float32Array.from(rows);
}

test('rows are those of each window on its own, over the borders of batches and to the end of the audio', async () => {
  const video = audio(50);
  const { embedder, batches } = firstValue(0);
  const all = await plain(50);
  const rows = new AudioEmbeddings(embedder, video.read, { batchSize: 8 });
  expect(all.length).toBe(50 - recipe.frameCount + 1);
  expect(await rows.rows(0, 8)).toEqual(all.subarray(0, 8));
  expect(await rows.rows(5, 14)).toEqual(all.subarray(5, 19));
  expect([await rows.has(all.length - 1), await rows.has(all.length), await rows.has(all.length + 100)]).toEqual([
    true,
    false,
    false,
  ]);
  expect(await rows.rows(all.length - 3, 3)).toEqual(all.subarray(-3));
  expect(new Set(batches.slice(0, 3))).toEqual(new Set([8]));
  await rows.close();
  expect(video.counts).toEqual({ opened: 2, open: 0 }); // the far one was asked for before the last but one
});

test('rows that are prefetched are computed once, and before they are asked for', async () => {
  const { embedder, batches } = firstValue(2);
  const video = audio(60);
  const rows = new AudioEmbeddings(embedder, video.read, { batchSize: 8 });
  for (let frame = 0; frame < 40; frame += 2) rows.prefetch(frame);
  await new Promise((done) => setTimeout(done, 80));
  expect(batches).toEqual([8, 8, 8, 8, 8]);
  expect(await rows.rows(3, 30)).toEqual((await plain(60)).subarray(3, 33));
  expect(batches).toHaveLength(5);
  await rows.close();
});

test('no more is prefetched than the memory that is allowed, until earlier windows are released', async () => {
  const { embedder, batches } = firstValue(2);
  const rows = new AudioEmbeddings(embedder, audio(60).read, { batchSize: 8, prefetchBytes: 2 * 8 * 4 });
  for (let frame = 0; frame < 40; frame++) rows.prefetch(frame);
  await new Promise((done) => setTimeout(done, 60));
  expect(batches).toHaveLength(2);
  rows.forget(16);
  await new Promise((done) => setTimeout(done, 60));
  expect(batches).toHaveLength(4);
  await rows.close();
});

test('windows that were skipped are computed from the beginning of the audio', async () => {
  const video = audio(60);
  const rows = new AudioEmbeddings(firstValue(2).embedder, video.read, { batchSize: 8 });
  const all = await plain(60);
  expect(await rows.rows(32, 8)).toEqual(all.subarray(32, 40));
  expect(await rows.rows(4, 8)).toEqual(all.subarray(4, 12));
  expect(video.counts.opened).toBe(2);
  await rows.close();
  expect(video.counts.open).toBe(0);
});

test('an error of the audio or the network is thrown by the next read', async () => {
  const broken = new AudioEmbeddings(
    firstValue(2).embedder,
    async function* (): AsyncGenerator<Waveform> {
      if (Date.now() > 0) throw new Error('no audio');
      yield { samples: new Float32Array(1), sampleRate: 16000 };
    },
    { batchSize: 8 },
  );
  broken.prefetch(0);
  await expect(broken.has(0)).rejects.toThrow('no audio');
  await expect(broken.rows(0, 1)).rejects.toThrow('no audio');
  await broken.close();
});
