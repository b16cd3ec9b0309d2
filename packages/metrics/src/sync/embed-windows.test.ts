import '@tensorflow/tfjs-backend-cpu';
import type { SyncExpert } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { batchSizeFor, embedPictures, embedSound } from './embed-windows';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

const crop = (size: number) => ({ kind: 'whole frame', resize: 'none', size }) as const;

test.each([[10, 48, 16], [5, 224, 1], [5, 64, 18], [1, 16, 32]])('batches of %i pictures of %i pixels hold %i windows', (frames, size, windows) => {
  expect(batchSizeFor({ frames, crop: crop(size) })).toBe(windows);
});

/** Sums what it sees and hears. */
const summing = {
  recipe: { frames: 1, crop: crop(2), melSteps: 3 },
  encodeFrames: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
  encodeAudio: (x: tf.Tensor4D) => tf.reshape(tf.sum(x, [1, 2, 3]), [-1, 1]),
} as unknown as SyncExpert;

test('embedPictures and embedSound give a row a window, and leave no tensor', async () => {
  const before = tf.memory().numTensors;
  const ones = (length: number, value: number) => new Float32Array(length).fill(value);
  expect([...(await embedPictures(summing, [ones(12, 1), ones(12, 2)]))]).toEqual([12, 24]);
  expect([...(await embedSound(summing, [ones(6, 1), ones(6, 3)]))]).toEqual([6, 18]);
  expect(await embedPictures(summing, [])).toHaveLength(0);
  expect(tf.memory().numTensors).toBe(before);
});
