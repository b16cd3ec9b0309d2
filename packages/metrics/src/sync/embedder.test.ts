import '@tensorflow/tfjs-backend-cpu';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { batchSizeFor, localEmbedder } from './embedder';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const crop = (size: number) => ({ kind: 'whole frame', resize: 'none', size }) as const;

test.each([
  [10, 48, 16],
  [5, 224, 1],
  [5, 64, 18],
  [1, 16, 32],
])('batches of %i frames of %i pixels hold %i windows', (frameCount, size, windows) => {
  expect(batchSizeFor({ frameCount, crop: crop(size) })).toBe(windows);
});

/** Embeds a window as the sum of its values. */
const summing = {
  recipe: { frameCount: 1, crop: crop(2), featureSteps: 3 },
  encodeVisual: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
  encodeAudio: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
} as unknown as SyncExpert;

test('localEmbedder gives a row per window, and leaves no tensor', async () => {
  const embedder = localEmbedder(summing);
  const before = tf.memory().numTensors;
  const ones = (length: number, value: number) => new Float32Array(length).fill(value);
  expect([...(await embedder.visual([ones(12, 1), ones(12, 2)]))]).toEqual([12, 24]);
  expect([...(await embedder.audio([ones(6, 1), ones(6, 3)]))]).toEqual([6, 18]);
  expect(await embedder.visual([])).toHaveLength(0);
  expect(tf.memory().numTensors).toBe(before);
});
