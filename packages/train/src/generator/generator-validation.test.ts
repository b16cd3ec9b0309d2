import type { FaceGenerator } from '@lipsync/contracts/tensors';
import { type ClipStore, type DinetBatch, DinetLoader, ImageProcessor } from '@lipsync/dataloader';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { GeneratorValidation } from './generator-validation';

beforeAll(() => tf.setBackend('cpu'));
afterEach(() => vi.restoreAllMocks());

const store = {
  recipe: { crop: { kind: 'dinet head', mouth: 64 }, fps: 25, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80 },
  cacheBytes: 0,
  folder: '',
} as unknown as ClipStore;

test('GeneratorValidation measures only the mouth box, in evaluation mode, and leaves no tensor', async () => {
  vi.spyOn(DinetLoader.prototype, 'batch').mockImplementation(async () => {
    const frames = tf.ones<tf.Rank.R4>([10, 104, 80, 3]);
    const angles = tf.zeros<tf.Rank.R1>([10]);
    return {
      frames,
      references: tf.zeros([10, 104, 80, 15]),
      features: tf.zeros([10, 80, 16]),
      angles,
      syncFeatures: tf.zeros([2, 80, 16, 1]),
    } as unknown as DinetBatch;
  });
  // Fills the mouth of the masked frame with 0.9: wrong by 0.1 there and nowhere else.
  const modes: boolean[] = [];
  const generator = {
    training: true,
    eval: () => generator.train(false),
    train(mode: boolean) {
      generator.training = mode;
    },
    forward(masked: tf.Tensor4D) {
      modes.push(generator.training);
      return tf.maximum(masked, 0.9);
    },
  };
  const options = {
    frameCount: 5,
    referenceCount: 5,
    audioFrames: 5,
    features: 'mel',
    on: 'held-out',
    clips: ['a'],
    images: new ImageProcessor({ mouth: 64 }),
    rows: 4,
  } as const;
  const validation = new GeneratorValidation(store, options);
  const before = tf.memory().numTensors;
  const check = await validation.check(generator as unknown as FaceGenerator);
  expect(check).toMatchObject({ on: 'held-out', frameCount: 20 });
  expect(check.psnr).toBeCloseTo(20, 4); // measured 1.9e-6: the frames' error of 0.1 is float32
  expect(check.cosine).toBeUndefined();
  expect(modes).toEqual([false, false]);
  expect(generator.training).toBe(true);
  expect(tf.memory().numTensors).toBe(before);
  validation.dispose();
});
