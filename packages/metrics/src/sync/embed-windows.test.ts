import '@tensorflow/tfjs-backend-cpu';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { batchSizeFor, embedAudio, embedVisual } from './embed-windows';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const crop = (size: number) => ({ kind: 'whole frame', resize: 'none', size }) as const;

test.each([
  [10, 48, 16],
  [5, 224, 1],
  [5, 64, 18],
  [1, 16, 32],
])('batches of %i images of %i pixels hold %i windows', (frameCount, size, windows) => {
  expect(batchSizeFor({ frameCount, crop: crop(size) })).toBe(windows);
});

/** Sums what it sees and hears. */
const summing = {
  recipe: { frameCount: 1, crop: crop(2), featureSteps: 3 },
  encodeVisual: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
  encodeAudio: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
} as unknown as SyncExpert;

test('embedVisual and embedAudio give a row a window, and leave no tensor', async () => {
  const before = tf.memory().numTensors;
  const ones = (length: number, value: number) => new Float32Array(length).fill(value);
  expect([...(await embedVisual(summing, [ones(12, 1), ones(12, 2)]))]).toEqual([12, 24]);
  expect([...(await embedAudio(summing, [ones(6, 1), ones(6, 3)]))]).toEqual([6, 18]);
  expect(await embedVisual(summing, [])).toHaveLength(0);
  expect(tf.memory().numTensors).toBe(before);
});
