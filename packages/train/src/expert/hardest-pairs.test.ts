import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore, clipId } from '@lipsync/dataloader';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hardestPairs } from './hardest-pairs';

const FRAMES = 30;
const recipe = { ...recipeOf(LITE), crop: { ...recipeOf(LITE).crop, size: 4 } };
const NAMES = ['a.mp4', 'b.mp4', 'c.mp4'];
let folder: string;
let store: ClipStore;

/** Clips that grow brighter and louder by 4 of 255 a frame; in the audio of b all is as at frame 0. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'hardest-pairs-'));
  store = await ClipStore.create(folder, {
    crop: recipe.crop,
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: 80,
    fps: 25,
  });
  for (const name of NAMES) {
    const level = (frame: number) => 20 + 4 * Math.min(FRAMES - 1, frame);
    const steps = Math.ceil((80 * FRAMES) / 25) + 1;
    const heard = (step: number) => level(name === 'b.mp4' ? 0 : Math.ceil(step / 3.2));
    await store.write({
      ...{ id: clipId(name, 0, 0), frameCount: FRAMES, height: 4, width: 4, audio: new Int16Array(FRAMES * 640) },
      frames: Uint8Array.from({ length: FRAMES * 48 }, (_, index) => level(Math.floor(index / 48))),
      features: {
        data: Float32Array.from({ length: steps * 80 }, (_, i) => heard(Math.floor(i / 80)) / 127.5 - 1),
        steps,
        bins: 80,
      },
      ...{
        landmarks: new Float32Array(FRAMES * 136),
        poses: new Float32Array(FRAMES * 4),
        firstFrame: 0,
        score: 1,
        interpolated: 0,
      },
    });
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Scores by the difference of brightness and loudness at the start of a window. */
const expertOf = (angle: (level: tf.Tensor2D) => tf.Tensor2D): SyncExpert => {
  const first = (x: tf.Tensor4D) => tf.reshape<tf.Rank.R2>(tf.slice(x, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1]);
  const circle = (level: tf.Tensor2D) => tf.tidy(() => tf.concat2d([tf.cos(angle(level)), tf.sin(angle(level))], 1));
  return {
    ...{ name: 'level', recipe, embeddingSize: 2, space: 'unit' },
    encodeVisual: (frames) => tf.tidy(() => circle(first(frames))),
    encodeAudio: (features) => tf.tidy(() => circle(first(features as unknown as tf.Tensor4D))),
    dispose: () => {},
  };
};

test('hardestPairs finds the clip with other audio, the window furthest off first, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const pairs = await hardestPairs(
    expertOf((level) => level),
    store,
    { count: 2 },
  );
  expect(tf.memory().numTensors).toBe(before);
  const [worst, , ...off] = pairs;
  expect(pairs.map(({ inSync }) => inSync)).toEqual([true, true, false, false]);
  expect(worst).toMatchObject({ clip: clipId('b.mp4', 0, 0), inSync: true });
  expect(worst.audioFrame).toBe(worst.frame);
  // The last window: brightness at its first frame, in the recipe's range, beside the loudness of frame 0.
  expect(worst.frame).toBe(FRAMES - recipe.frameCount);
  const [low, high] = recipe.range;
  expect(worst.frames).toHaveLength(4 * 4 * 3 * recipe.frameCount);
  expect(worst.frames[0]).toBeCloseTo(low + ((high - low) * (20 + 4 * worst.frame)) / 255, 5);
  for (const { frame, audioFrame, score } of off) {
    expect(audioFrame).not.toBe(frame);
    expect(score).toBeGreaterThan(0.9); // nearly in sync by what this network knows
  }
});

test('hardestPairs gives one pair of each kind and clip at most, however many are asked for', async () => {
  const pairs = await hardestPairs(
    expertOf((level) => level),
    store,
    { count: 99 },
  );
  expect(
    pairs
      .filter(({ inSync }) => inSync)
      .map(({ clip }) => clip)
      .sort(),
  ).toEqual(NAMES.map((name) => clipId(name, 0, 0)));
  const scores = pairs.filter(({ inSync }) => inSync).map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => a - b));
});
