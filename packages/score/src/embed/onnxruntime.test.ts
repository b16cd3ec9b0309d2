import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AVAlignNet, LITE, recipeOf, saveAVAlignNet } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import { createLandmarkDetector } from '@lipsync/face-crop';
import type { Embedder } from '@lipsync/metrics';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installedOnnxRuntime } from '../../../onnx/src/testing/installed-onnxruntime';
import { scoreVideo } from '../score-video';
import { engineCompiler } from './engine';
import { openEmbedder } from './open-embedder';

// onnxruntime-node is no dependency: scripts/check-onnx.mjs fetches it, or LIPSYNC_ONNXRUNTIME names a folder with it.
const installed = installedOnnxRuntime() !== undefined;
const built = existsSync(new URL('../../dist/expert-worker.js', import.meta.url));
const video = resolve(
  fileURLToPath(new URL('../../../..', import.meta.url)),
  process.env.LIPSYNC_SHARED ?? '../shared',
  'data/wild/vr_3.mp4',
);
const reasons = [...(installed ? [] : ['onnxruntime-node is not installed']), ...(built ? [] : ['not built'])];
const title = (text: string, more: string[] = []) =>
  [...reasons, ...more].length ? `${text} (skipped: ${[...reasons, ...more].join(', ')})` : text;

const before = process.cwd();
let folder: string;
let weights: string;
beforeAll(async () => {
  // Optional packages are searched from the working folder, too.
  if (installed)
    process.chdir(
      process.env.LIPSYNC_ONNXRUNTIME ??
        fileURLToPath(new URL('../../../../node_modules/.cache/lipsync-onnxruntime', import.meta.url)),
    );
  await selectBackend({ backend: 'wasm', threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'onnxruntime-'));
  weights = join(folder, 'lite.safetensors');
  const net = new AVAlignNet(LITE, { seed: 3, recipe: recipeOf(LITE) });
  await writeFile(weights, await saveAVAlignNet(net));
  net.dispose();
});
afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

const windows = (count: number, length: number) =>
  Array.from({ length: count }, (_, n) => Float32Array.from({ length }, (_, i) => Math.sin(n + i * (1 + n / 7))));

async function rowsOf(embedder: Embedder): Promise<Float32Array[]> {
  return [await embedder.visual(windows(3, 48 * 48 * 30)), await embedder.audio(windows(3, 80 * 32))];
}

test.skipIf(reasons.length > 0)(
  title('a weights file embeds in onnxruntime, in a worker thread and in this one, as in tfjs to 1e-4'),
  async () => {
    const tfjs = await openEmbedder(weights, { engine: 'tfjs', backend: 'wasm', threads: 1 });
    const expected = await rowsOf(tfjs);
    for (const [threads, concurrency] of [
      [1, 0],
      [2, 1],
    ]) {
      const lines: string[] = [];
      const fast = await openEmbedder(weights, { engine: 'onnxruntime', threads, log: (line) => lines.push(line) });
      expect(fast.concurrency).toBe(concurrency);
      expect(fast.expert.engine).toMatch(/^onnxruntime-node \d/);
      expect(lines).toEqual([`Selected engine ${fast.expert.engine}`]);
      const { engine: _, ...facts } = fast.expert;
      expect(facts).toMatchObject({
        name: 'AVAlignNet',
        recipe: tfjs.expert.recipe,
        weightsHash: tfjs.expert.weightsHash,
      });
      const rows = await rowsOf(fast);
      const largest = rows.map((row, i) =>
        row.reduce((most, v, at) => Math.max(most, Math.abs(v - expected[i][at])), 0),
      );
      expect(Math.max(...largest)).toBeLessThan(1e-4); // measured 1e-6
      await fast.dispose();
    }
    await tfjs.dispose();
  },
);

const noVideo = existsSync(video) ? [] : [`${video} is not there`];
test.skipIf(reasons.length + noVideo.length > 0)(
  title('a video has the same score in onnxruntime as in tfjs, to four digits, landmarks included', noVideo),
  async () => {
    const scores = [];
    for (const engine of ['tfjs', 'onnxruntime'] as const) {
      const expert = await openEmbedder(weights, { engine, threads: 1 });
      const detector = await createLandmarkDetector({ testTimeViews: 2, compile: await engineCompiler({ engine }) });
      const { faces, protocol } = await scoreVideo(video, { expert, detector, log: () => {} });
      expect(protocol.engine).toMatch(engine === 'tfjs' ? /^TensorFlow\.js .* \(wasm\)$/ : /^onnxruntime-node \d/);
      scores.push(faces.map(({ offsetFrames, lseD, lseC }) => ({ offsetFrames, lseD, lseC })));
      detector.dispose();
      await expert.dispose();
    }
    const [tfjs, fast] = scores;
    expect(fast.length).toBe(tfjs.length);
    fast.forEach((face, i) => {
      expect(face.offsetFrames).toBe(tfjs[i].offsetFrames);
      expect(face.lseD).toBeCloseTo(tfjs[i].lseD, 4); // measured 1.3e-6 on six videos with trained weights
      expect(face.lseC).toBeCloseTo(tfjs[i].lseC, 4);
    });
    expect(tf.getBackend()).toBe('wasm');
  },
  180_000,
);
