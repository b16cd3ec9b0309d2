import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import '@tensorflow/tfjs-backend-cpu';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluateExpert } from './evaluate-expert';

const FRAMES = 30;
const recipe = { ...recipeOf(LITE), crop: { ...recipeOf(LITE).crop, size: 4 } };
let folder: string;
let store: ClipStore;

/** A clip whose frame k is as bright as its audio at k is loud, in steps that differ everywhere. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'evaluate-expert-'));
  store = await ClipStore.create(folder, {
    crop: recipe.crop,
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: 80,
    fps: 25,
  });
  for (const name of ['a.mp4', 'b.mp4']) {
    const random = new Random(1, name.charCodeAt(0));
    const level = Float32Array.from({ length: FRAMES }, () => Math.round(random.uniform(20, 235)));
    const steps = Math.ceil((80 * FRAMES) / 25) + 1;
    await store.write({
      id: clipId(name, 0, 0),
      frames: Uint8Array.from({ length: FRAMES * 48 }, (_, index) => level[Math.floor(index / 48)]),
      frameCount: FRAMES,
      height: 4,
      width: 4,
      audio: new Int16Array(FRAMES * 640),
      features: {
        data: Float32Array.from(
          { length: steps * 80 },
          (_, index) => level[Math.min(FRAMES - 1, Math.ceil(Math.floor(index / 80) / 3.2))] / 127.5 - 1,
        ),
        steps,
        bins: 80,
      },
      landmarks: new Float32Array(FRAMES * 136),
      poses: new Float32Array(FRAMES * 4),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Embeds only the level at the start of a window. */
const levelExpert: SyncExpert = {
  name: 'level',
  recipe,
  embeddingSize: 2,
  space: 'unit',
  encodeVisual: (frames) => circle(tf.reshape(tf.slice(frames, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1])),
  encodeAudio: (features) => circle(tf.reshape(tf.slice(features, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1])),
  dispose: () => {},
};
const circle = (level: tf.Tensor2D) => tf.tidy(() => tf.concat2d([tf.cos(level), tf.sin(level)], 1));

test('evaluateExpert gives AUC 1 to an expert whose two embeddings agree, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const report = await evaluateExpert(levelExpert, store);
  expect(report.auc).toBeGreaterThan(0.98);
  expect(report.clips).toBe(2);
  expect(report.pairs).toEqual({ inSync: 24, offSync: 24 });
  expect(tf.memory().numTensors).toBe(before);
});

test('evaluateExpert gives about chance to an expert that ignores the frames', async () => {
  const random = new Random(3);
  const blind: SyncExpert = {
    ...levelExpert,
    encodeVisual: (frames) =>
      circle(
        tf.tensor2d(
          Array.from({ length: frames.shape[0] }, () => random.uniform(-1, 1)),
          [frames.shape[0], 1],
        ),
      ),
  };
  const { auc } = await evaluateExpert(blind, store);
  expect(auc).toBeGreaterThan(0.25);
  expect(auc).toBeLessThan(0.75);
});

test('evaluateExpert reports both rules for negatives, accuracy by offset up to the largest, and accuracy by clip', async () => {
  const report = await evaluateExpert(levelExpert, store, { maxOffset: 4 });
  expect(report.anyOtherStart.auc).toBeGreaterThan(0.98);
  expect(report.anyOtherStart.accuracy.inSync).toBe(report.accuracy.inSync); // the same pairs in sync
  expect(report.byOffset.map(({ offsetFrames }) => offsetFrames)).toEqual([0, 1, 2, 3, 4]);
  expect(report.byOffset[0]).toMatchObject({ pairs: 24, accuracy: 1 });
  expect(report.byClip.map(({ clip }) => clip)).toEqual(await store.list());
  const without = await evaluateExpert(levelExpert, store, { maxOffset: 0 });
  expect(without.byOffset).toEqual([]);
  // Neither offsets nor the second rule change what is drawn for the first.
  const { auc, accuracy, crossEntropy } = report;
  expect([without.auc, without.accuracy, without.crossEntropy]).toEqual([auc, accuracy, crossEntropy]);
});

test('evaluateExpert takes experts with distances and those that score pairs', async () => {
  const level = (x: tf.Tensor4D) => tf.reshape(tf.slice(x, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1]) as tf.Tensor2D;
  const plain = { ...levelExpert, embeddingSize: 1, encodeVisual: level, encodeAudio: level };
  const before = tf.memory().numTensors;
  const euclidean = await evaluateExpert({ ...plain, space: 'euclidean' }, store);
  const joint = await evaluateExpert(
    {
      ...plain,
      space: 'joint',
      pairDistances: (visual, audio) => tf.tidy(() => tf.reshape(tf.abs(tf.sub(visual, audio)), [-1]) as tf.Tensor1D),
    },
    store,
  );
  expect(tf.memory().numTensors).toBe(before);
  for (const report of [euclidean, joint]) {
    expect(report.auc).toBeGreaterThan(0.98);
    expect(report.meanInSync).toBeCloseTo(1, 6); // measured 0
    expect(report.pairs).toEqual({ inSync: 24, offSync: 24 });
  }
});
