import '@tensorflow/tfjs-backend-cpu';
import type { SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { offsetStage } from './offset-stage';

beforeAll(() => tf.setBackend('cpu'));

const crop = { kind: 'whole frame', size: 1, resize: 'none' } as const;
const recipe: SyncRecipe = {
  frameCount: 1,
  fps: 25,
  crop,
  color: 'RGB',
  range: [0, 255],
  features: 'THESIS_MEL',
  featureSteps: 1,
};
/** Turns a number into a place on a circle: near numbers are near. */
const circle = (values: tf.Tensor) => tf.tidy(() => tf.stack([tf.cos(values), tf.sin(values)], 1) as tf.Tensor2D);
const expert: SyncExpert = {
  name: 'clock',
  weightsHash: 'ab',
  recipe,
  embeddingSize: 2,
  space: 'unit',
  encodeVisual: (frames) => tf.tidy(() => circle(tf.mean(tf.slice(frames, [0, 0, 0, 0], [-1, 1, 1, 1]), [1, 2, 3]))),
  encodeAudio: (features) =>
    tf.tidy(() => circle(tf.squeeze(tf.slice(features, [0, 0, 0, 0], [-1, 1, 1, 1]), [1, 2, 3]))),
  dispose() {},
};

/** Frames tell the time of their window, the audio that of `early` windows later. */
async function* windows(count: number, early: number) {
  for (let i = 0; i < count; i++)
    yield { frames: Float32Array.of(i / 9, 0, 0), features: new Float32Array(80).fill((i + early) / 9) };
}

test.each([-7, -1, 0, 4, 15])('audio that leads by %d frames is measured as such', async (early) => {
  const stage = offsetStage(expert);
  const before = tf.memory().numTensors;
  const reading = await stage.measure(windows(60, early));
  expect(reading).toMatchObject({ offsetFrames: early, windows: 60 });
  expect(reading.confidence).toBe(Math.round(reading.confidence * 1e4) / 1e4);
  expect(await stage.measure(windows(60, early))).toEqual(reading); // nothing is left of the clip before
  expect(tf.memory().numTensors).toBe(before);
  expect(stage).toMatchObject({ expert: 'clock', weightsHash: 'ab', recipe });
});

test('a reading says what it is worth: nothing for a photograph, and for audio that nobody speaks in', async () => {
  // Near numbers are far apart: no two windows look alike.
  const places = (values: tf.Tensor) =>
    tf.tidy(
      () =>
        tf.div(
          tf.concat(
            [3, 7, 11, 17, 23].map((speed) => circle(tf.mul(values, speed))),
            1,
          ),
          Math.sqrt(5),
        ) as tf.Tensor2D,
    );
  const sharp: SyncExpert = {
    ...expert,
    embeddingSize: 10,
    encodeVisual: (frames) => tf.tidy(() => places(tf.mean(tf.slice(frames, [0, 0, 0, 0], [-1, 1, 1, 1]), [1, 2, 3]))),
    encodeAudio: (features) =>
      tf.tidy(() => places(tf.squeeze(tf.slice(features, [0, 0, 0, 0], [-1, 1, 1, 1]), [1, 2, 3]))),
  };
  const calibration = { source: 'made', halfAt: [[16, 7] as [number, number]], slope: 1, farPenalty: 1 };
  const stage = offsetStage({ ...sharp, calibration });
  async function* still(count: number) {
    for (let i = 0; i < count; i++)
      yield { frames: Float32Array.of(0.3, 0, 0), features: new Float32Array(80).fill(i / 9) };
  }
  expect((await stage.measure(windows(60, 3))).verdict).toMatchObject({ answer: 'early', offsetFrames: 3 });
  const photograph = await stage.measure(still(60));
  expect(photograph.verdict).toMatchObject({ answer: 'cannot tell', reason: 'still picture', offsetFrames: null });
  const silent = await stage.measure(windows(60, 3), { speechShare: 0 });
  expect(silent.verdict).toMatchObject({ answer: 'cannot tell', reason: 'no speech', confidence: 0 });
  const uncalibrated = await offsetStage(sharp).measure(windows(60, 3));
  expect(uncalibrated.verdict).toMatchObject({ answer: 'early', offsetFrames: 3, confidence: null });
});
