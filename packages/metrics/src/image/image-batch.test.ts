import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { batchOf, imagesOf } from './image-batch';

const bytes = { data: Uint8Array.of(0, 51, 255, 254, 3, 4), height: 1, width: 2 };

test('imagesOf gives the images of a batch and keeps no tensor', async () => {
  await tf.setBackend('cpu');
  const batch = tf.tensor4d([0, 1, 2, 3, 4, 5], [2, 1, 3, 1]);
  const before = tf.memory().numTensors;
  expect(await imagesOf(batch)).toEqual([
    { data: Float32Array.of(0, 1, 2), height: 1, width: 3 },
    { data: Float32Array.of(3, 4, 5), height: 1, width: 3 },
  ]);
  expect(tf.memory().numTensors).toBe(before);
  batch.dispose();
  await expect(imagesOf(tf.zeros([1, 2, 2, 4]))).rejects.toThrow(
    'imagesOf: batch must be of shape [batch, height, width, 1 or 3]',
  );
});

test('batchOf is the way back, and refuses images of different size', async () => {
  await tf.setBackend('cpu');
  const before = tf.memory().numTensors;
  const batch = batchOf([bytes, bytes]);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(batch.shape).toEqual([2, 1, 2, 3]);
  expect((await imagesOf(batch))[1]).toEqual({ ...bytes, data: Float32Array.from(bytes.data) });
  batch.dispose();
  expect(() => batchOf([])).toThrow('batchOf: images must be at least one, got none');
  expect(() => batchOf([bytes, { ...bytes, height: 2, width: 1 }])).toThrow(
    'all of 1 x 2 pixels and 6 numbers, got 2 x 1 and 6 at index 1',
  );
  expect(() => batchOf([{ ...bytes, height: 3, width: 1 }])).toThrow(
    'batchOf: images must be of 1 or 3 numbers a pixel, got 2',
  );
});
