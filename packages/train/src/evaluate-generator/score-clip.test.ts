import '@tensorflow/tfjs-backend-cpu';
import type { SyncRecipe } from '@lipsync/contracts';
import { storedShape } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { Clip, ClipStore } from '@lipsync/dataloader';
import { localEmbedder, scoreWindows } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { cutFeatureWindow, cutMouthWindow } from '@lipsync/sync-windows';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { scoreClip } from './score-clip';

const crop = { kind: 'dinet head', mouth: 16 } as const;
const { height, width } = storedShape(crop);
const COUNT = 30;
const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 8, upright: 'median of five', sampling: 'exact' },
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};
const store = { recipe: { crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 4, fps: 25 } } as ClipStore;
const random = new Random(5);
const noise = () => Uint8Array.from({ length: COUNT * height * width * 3 }, () => random.integer(256));
const audio = new Int16Array(COUNT * 640);
const features = () => ({
  audio,
  features: { data: Float32Array.from({ length: 97 * 4 }, () => random.normal()), steps: 97, bins: 4 },
});
const circle = (level: tf.Tensor) =>
  tf.tidy(() => tf.concat([tf.cos(tf.mul(level, 3)), tf.sin(tf.mul(level, 3))], 1) as tf.Tensor2D);
const expert: SyncExpert = {
  name: 'first pixel',
  recipe,
  embeddingSize: 2,
  space: 'unit',
  encodeVisual: (frames) => circle(tf.reshape(tf.slice(frames, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1])),
  encodeAudio: (audio) => circle(tf.reshape(tf.slice(audio, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1])),
  dispose: () => {},
};

beforeAll(async () => {
  await tf.setBackend('cpu');
});

test('scoreClip scores every set of frames and audio as WindowScorer does', async () => {
  const poses = Float32Array.from({ length: COUNT * 4 }, (_, i) => Math.sin(i) / 4);
  const shown = { generated: noise(), generatedOther: noise(), truth: noise(), repeat: noise() };
  const audios = { own: features(), other: features() };
  const clip = { poses, landmarks: new Float32Array(COUNT * 136), frameCount: COUNT } as Clip;
  const before = tf.memory().numTensors;
  const { windows, scores } = await scoreClip(expert, clip, { store, frameCount: COUNT, shown, audios });
  expect(tf.memory().numTensors).toBe(before);
  expect(windows).toBe(26);
  expect([...scores.keys()]).toEqual([
    'generated own',
    'truth own',
    'repeat own',
    'generatedOther other',
    'truth other',
    'repeat other',
  ]);
  const angles = Float32Array.from({ length: COUNT }, (_, i) => poses[4 * i + 3]);
  const wanted = await scoreWindows(
    localEmbedder(expert),
    Array.from({ length: 26 }, (_, start) => ({
      frames: cutMouthWindow(shown.repeat, start, { stored: crop, recipe, angles }),
      features: cutFeatureWindow(audios.other.features, start, { recipe }),
    })),
  );
  expect(scores.get('repeat other')!.lseD).toBeCloseTo(wanted.lseD, 12); // measured 0
  expect(scores.get('repeat other')!.lseC).toBeCloseTo(wanted.lseC, 12); // measured 0
});

test('a clip that is too short for a window has no score', async () => {
  const clip = {
    poses: new Float32Array(COUNT * 4),
    landmarks: new Float32Array(COUNT * 136),
    frameCount: COUNT,
  } as Clip;
  const audios = { own: features(), other: features() };
  const shown = { generated: noise(), generatedOther: noise(), truth: noise(), repeat: noise() };
  expect(await scoreClip(expert, clip, { store, frameCount: 4, shown, audios })).toEqual({
    windows: 0,
    scores: new Map(),
    outside: 0,
  });
});

test('an expert gets features that the store does not hold: computed from the clip’s samples, or its logits', async () => {
  const noiseAudio = () => Int16Array.from({ length: COUNT * 640 }, () => random.normal() * 3000);
  const logits = () => ({
    data: Float32Array.from({ length: COUNT * 29 }, () => random.normal()),
    steps: COUNT,
    bins: 29,
  });
  const audios = {
    own: { ...features(), audio: noiseAudio(), logits: logits() },
    other: { ...features(), audio: noiseAudio(), logits: logits() },
  };
  const clip = {
    poses: new Float32Array(COUNT * 4),
    landmarks: new Float32Array(COUNT * 136),
    frameCount: COUNT,
  } as Clip;
  const shown = { generated: noise(), generatedOther: noise(), truth: noise(), repeat: noise() };
  const options = { store, frameCount: COUNT, shown, audios };
  const before = tf.memory().numTensors;
  const mfcc = { ...expert, recipe: { ...recipe, features: 'SYNCNET_MFCC' as const, featureSteps: 20 } };
  const { windows, scores } = await scoreClip(mfcc, clip, options);
  expect(windows).toBe(25); // the last MFCC step needs samples after it
  expect(scores.get('truth own')!.lseD).toBeGreaterThan(0);
  const joint: SyncExpert = {
    ...expert,
    space: 'joint',
    recipe: { ...recipe, features: 'ASR_LOGITS', featureSteps: 9 },
    pairDistances: (visual, audio) => tf.tidy(() => tf.sub(1, tf.sum<tf.Tensor1D>(tf.mul(visual, audio), 1))),
  };
  // Windows of logits begin two frames before their frames and end two after: two starts fewer at each end.
  expect((await scoreClip(joint, clip, options)).windows).toBe(22);
  expect(tf.memory().numTensors).toBe(before);
});
