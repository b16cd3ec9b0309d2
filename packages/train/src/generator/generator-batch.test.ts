import type { SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, type DinetBatch, ImageProcessor } from '@lipsync/dataloader';
import { LITE_DINET, THESIS_DINET } from '@lipsync/dinet';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { expertMouths, featuresForExpert, sizesFor, trainBatchOf } from './generator-batch';

beforeAll(() => tf.setBackend('cpu'));

const images = new ImageProcessor({ mouth: 64 });
const store = { recipe: { fps: 25, features: 'THESIS_MEL', stepsPerSecond: 80 } } as unknown as ClipStore;
const RECIPE: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 64, upright: 'none', sampling: 'exact' },
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};
const expertOf = (recipe: Partial<SyncRecipe>) => ({ name: 'made', recipe: { ...RECIPE, ...recipe } }) as SyncExpert;

test('expertMouths gives the mouth box unturned where the recipe does not turn it', () => {
  const before = tf.memory().numTensors;
  const faces = tf.randomUniform<tf.Rank.R4>([5, 104, 80, 3], 0, 1, 'float32', 1);
  const angles = tf.fill<tf.Rank.R1>([5], 0.3);
  const mouths = expertMouths(expertOf({}), { store, images, audio: 'mel' })(faces, angles);
  expect(mouths.shape).toEqual([1, 64, 64, 15]);
  const box = tf.slice(faces, [2, 32, 8, 0], [1, 64, 64, 3]);
  const difference = tf.tidy(
    () => tf.max(tf.abs(tf.sub(tf.slice(mouths, [0, 0, 0, 6], [1, 64, 64, 3]), box))).dataSync()[0],
  );
  expect(difference).toBeLessThan(1e-6); // measured 0
  tf.dispose([faces, angles, mouths, box]);
  expect(tf.memory().numTensors).toBe(before);
});

test.each([
  [{ crop: { kind: 'whole frame', size: 64, resize: 'none' } }, /mouth box/],
  [{ fps: 30 }, /at 25 frames a second/],
  [{ frameCount: 4, featureSteps: 13 }, /a multiple of 5/],
  [{ featureSteps: 20 }, /16 steps with its 5 frames/],
  [{ features: 'ASR_LOGITS', featureSteps: 9 }, /mel/],
] as const)('expertMouths refuses an expert with %j', (recipe, text) => {
  expect(() => expertMouths(expertOf(recipe as Partial<SyncRecipe>), { store, images, audio: 'mel' })).toThrow(text);
});

test('DINet’s own network takes the logits of a batch, others its mel', () => {
  const batch = { syncFeatures: 'mel', syncLogits: 'logits' } as unknown as DinetBatch;
  expect(featuresForExpert(batch, expertOf({ features: 'ASR_LOGITS' }))).toBe('logits');
  expect(featuresForExpert(batch, expertOf({}))).toBe('mel');
  expect(featuresForExpert(batch)).toBe('mel');
});

test('a trainer’s batch is a loader’s with the mouths masked', () => {
  const frames = tf.ones<tf.Rank.R4>([1, 104, 80, 3]);
  const { masked, real, frameCount: row } = trainBatchOf({ frames } as DinetBatch, { images, row: 1 });
  expect(real).toBe(frames);
  expect(row).toBe(1);
  expect(tf.sum(masked).dataSync()[0]).toBe((104 * 80 - 64 * 64) * 3);
  tf.dispose([frames, masked]);
});

test('sizesFor asks for five frames of mel, or for as many logits as the generator takes', () => {
  expect(sizesFor(LITE_DINET, 10)).toEqual({ frameCount: 10, referenceCount: 5, audioFrames: 5, features: 'mel' });
  expect(sizesFor(THESIS_DINET, 1)).toEqual({ frameCount: 1, referenceCount: 5, audioFrames: 5, features: 'logits' });
});
