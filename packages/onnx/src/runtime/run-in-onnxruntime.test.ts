import { AVAlignNet, LITE, recipeOf } from '@lipsync/avalignnet';
import { selectBackend } from '@lipsync/backends';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { DinetSyncNet, dinetRecipe } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { fakeOnnxRuntime } from '../testing/fake-onnxruntime';
import { installedOnnxRuntime } from '../testing/installed-onnxruntime';
import { runInOnnxRuntime } from './run-in-onnxruntime';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
});

/** Largest difference of two tensors. */
async function difference(ours: tf.Tensor, theirs: tf.Tensor): Promise<number> {
  const [a, b] = [Array.from(await ours.data()), await theirs.data()];
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

test('runInOnnxRuntime gives the expert’s embeddings, distances and description, and leaves the expert alone', async () => {
  const expert = new DinetSyncNet({ seed: 1, channels: 4, recipe: dinetRecipe(32) });
  expert.calibration = { source: 'made', halfAt: [[16, 7]], slope: 1, farPenalty: 0.5 };
  const { ort } = fakeOnnxRuntime();
  const before = tf.memory().numTensors;
  const fast = await runInOnnxRuntime(expert, { ort });
  expect(tf.memory().numTensors).toBe(before);
  const { name, recipe, embeddingSize, audioEmbeddingSize, space, calibration } = expert;
  expect(fast).toMatchObject({ name, recipe, embeddingSize, audioEmbeddingSize, space, calibration });
  expect(fast.engine).toBe('onnxruntime-node 1.2.3');
  const frames = tf.randomUniform([2, 32, 32, 15], 0, 1, 'float32', 1) as tf.Tensor4D;
  const features = tf.randomUniform([2, 29, 9, 1], -1, 1, 'float32', 2) as tf.Tensor4D;
  const embed = (from: SyncExpert) => [from.encodeVisual(frames), from.encodeAudio(features)];
  const [ours, theirs] = [embed(expert), embed(fast)];
  for (const i of [0, 1]) expect(await difference(ours[i], theirs[i])).toBeLessThan(1e-6); // measured 0
  const distances = [expert, fast].map(
    (from) => (from as SyncExpert).pairDistances?.(ours[0] as tf.Tensor2D, ours[1] as tf.Tensor2D) as tf.Tensor1D,
  );
  expect(await difference(distances[0], distances[1])).toBeLessThan(1e-6); // measured 0
  tf.dispose([frames, features, ours, theirs, distances]);
  expert.dispose();
  fast.dispose();
});

const real = installedOnnxRuntime();
const title = (text: string) => (real ? text : `${text} (skipped: onnxruntime-node is not installed)`);

test.skipIf(!real)(title('LITE’s embeddings in onnxruntime-node are those of tfjs to 1e-4'), async () => {
  const expert = new AVAlignNet(LITE, { seed: 1, recipe: recipeOf(LITE) });
  const fast = await runInOnnxRuntime(expert, { ort: real, threads: 1 });
  expect(fast.engine).toMatch(/^onnxruntime-node \d+\.\d+/);
  const frames = tf.randomUniform([3, 48, 48, 30], -1, 1, 'float32', 1) as tf.Tensor4D;
  const features = tf.randomUniform([3, 80, 32, 1], -4, 4, 'float32', 2) as tf.Tensor4D;
  const pairs = [
    [expert.encodeVisual(frames), fast.encodeVisual(frames)],
    [expert.encodeAudio(features), fast.encodeAudio(features)],
  ];
  for (const [ours, theirs] of pairs) expect(await difference(ours, theirs)).toBeLessThan(1e-4); // measured 1e-6
  tf.dispose([frames, features, pairs]);
  expert.dispose();
  fast.dispose();
});
