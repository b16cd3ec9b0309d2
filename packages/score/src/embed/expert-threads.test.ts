import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVAlignNet, type AVAlignNetConfig, LITE, recipeOf, saveAVAlignNet } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { type Embedder, localEmbedder } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExpertThreads } from './expert-threads';
import { openEmbedder } from './open-embedder';

// Threads run the built program.
const built = existsSync(new URL('../../dist/expert-worker.js', import.meta.url));
const title = (text: string) => (built ? text : `${text} (skipped: not built)`);
const backend = { backend: 'wasm', threads: 1 } as const;

const SMALL: AVAlignNetConfig = {
  visual_encoder: { in_channels: 15, block_out_channels: [32, 256], downsample_factors: [4, 4] },
  audio_encoder: {
    in_channels: 1,
    block_out_channels: [32, 256],
    downsample_factors: [
      [10, 4],
      [8, 4],
    ],
  },
  input: { frameCount: 5, height: 16, width: 16, featureSteps: 16 },
};
let folder: string;
let weights: string;
let net: AVAlignNet;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'expert-threads-'));
  weights = join(folder, 'small.safetensors');
  const lite = recipeOf(LITE);
  net = new AVAlignNet(SMALL, {
    seed: 5,
    recipe: { ...lite, frameCount: 5, featureSteps: 16, crop: { ...lite.crop, size: 16 } },
  });
  await writeFile(weights, await saveAVAlignNet(net));
});
afterAll(async () => {
  net.dispose();
  await rm(folder, { recursive: true });
});

const windows = (count: number, length: number, seed: number) =>
  Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length }, (_, i) => Math.sin(seed + n + i * (1 + n / 7))),
  );

async function rowsOf(embedder: Embedder): Promise<Float32Array[]> {
  const batches = [1, 4, 2, 4].map((count, seed) => [
    windows(count, 16 * 16 * 15, seed),
    windows(count, 80 * 16, seed),
  ]);
  return Promise.all(batches.flatMap(([frames, audio]) => [embedder.visual(frames), embedder.audio(audio)]));
}

test.skipIf(!built)(
  title('threads give the embeddings of this thread, bit for bit, and describe the expert'),
  async () => {
    const before = tf.memory().numTensors;
    const threads = await ExpertThreads.start(2, { weights, options: {}, backend });
    try {
      expect(threads.concurrency).toBe(2);
      expect(threads.expert).toMatchObject({
        name: 'AVAlignNet',
        embeddingSize: 256,
        space: 'unit',
        recipe: net.recipe,
      });
      expect(threads.expert.weightsHash).toMatch(/^[0-9a-f]{64}$/);
      expect(await rowsOf(threads)).toEqual(await rowsOf(localEmbedder(net)));
      expect(await threads.audio([])).toHaveLength(0);
      await expect(threads.audio(windows(1, 80 * 15, 0))).rejects.toThrow(/must|shape/);
      expect(await rowsOf(threads)).toHaveLength(8); // a refused batch does not end the thread
      expect(tf.memory().numTensors).toBe(before);
    } finally {
      await threads.dispose();
    }
  },
);

test.skipIf(!built)(title('pending and later batches fail once threads are disposed'), async () => {
  const threads = await ExpertThreads.start(1, { weights, options: {}, backend });
  const underWay = threads.visual(windows(4, 16 * 16 * 15, 1));
  underWay.catch(() => {});
  await threads.dispose();
  await threads.dispose();
  await expect(underWay).rejects.toThrow('ExpertThreads: threads must be in use');
  await expect(threads.visual(windows(1, 16 * 16 * 15, 1))).rejects.toThrow('ExpertThreads: threads must be in use');
});

test.skipIf(!built)(title('an error of reading the weights is thrown, and no thread is left'), async () => {
  await expect(
    ExpertThreads.start(2, { weights: join(folder, 'none.safetensors'), options: {}, backend }),
  ).rejects.toThrow('none.safetensors');
});

test.skipIf(!built)(title('openEmbedder runs the expert here with one thread, and in threads with more'), async () => {
  const logged: string[] = [];
  const log = (line: string) => void logged.push(line);
  for (const [threads, concurrency] of [
    [1, 0],
    [2, 2],
  ]) {
    const embedder = await openEmbedder(weights, { backend: 'wasm', threads, log });
    expect(embedder.concurrency).toBe(concurrency);
    expect(await rowsOf(embedder)).toEqual(await rowsOf(localEmbedder(net)));
    await embedder.dispose();
  }
  expect(logged.at(-1)).toBe('2 threads embed');
});
