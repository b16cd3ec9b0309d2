import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import type { SyncRecipe } from '@lipsync/contracts';
import { storedShape } from '@lipsync/contracts';
import type { FaceGenerator, SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { DinetGenerator, type DinetReferences, LITE_DINET } from '@lipsync/dinet';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { decode } from 'fast-png';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evaluateGenerator } from './evaluate-generator';

const mouth = 16;
const crop = { kind: 'dinet head', mouth } as const;
const { height, width } = storedShape(crop); // 26 x 20
const BINS = 80;
const COUNT = 40;
const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 8, upright: 'none', sampling: 'exact' },
  color: 'RGB',
  range: [0, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};
let folder: string;
let store: ClipStore;
const ids = [clipId('a.mp4', 0, 0), clipId('b.mp4', 0, 0), clipId('short.mp4', 0, 0)];

/** A clip whose mouth is as bright as its audio is loud, frame by frame; the rest of the face is gray. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'evaluate-dinet-'));
  store = await ClipStore.create(folder, { crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: BINS, fps: 25 });
  for (const [i, id] of ids.entries()) {
    const count = i === 2 ? 6 : COUNT;
    const random = new Random(1, i);
    const levels = Float32Array.from({ length: count + 2 }, () => random.integer(200) / 255);
    const steps = Math.ceil(3.2 * count) + 1;
    const levelAtStep = (step: number) => levels[Math.floor((step + 0.999) / 3.2)];
    const frames = new Uint8Array(count * height * width * 3).fill(128);
    for (let f = 0; f < count; f++) {
      for (let row = 8; row < 24; row++)
        frames.fill(
          Math.round(255 * levels[f]),
          ((f * height + row) * width + 2) * 3,
          ((f * height + row) * width + 18) * 3,
        );
    }
    await store.write({
      id,
      frames,
      frameCount: count,
      height,
      width,
      audio: new Int16Array(count * 640),
      features: {
        data: Float32Array.from({ length: steps * BINS }, (_, k) => levelAtStep(Math.floor(k / BINS))),
        steps,
        bins: BINS,
      },
      landmarks: new Float32Array(count * 136),
      poses: new Float32Array(count * 4).fill(1),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Embeds the mouth's brightness in the first frame of a window, and the loudness of its first step. */
const levelExpert: SyncExpert = {
  name: 'level',
  recipe,
  embeddingSize: 2,
  space: 'unit',
  encodeVisual: (frames) => circle(tf.reshape(tf.slice(frames, [0, 4, 4, 0], [-1, 1, 1, 1]), [-1, 1])),
  encodeAudio: (features) => circle(tf.reshape(tf.slice(features, [0, 0, 0, 0], [-1, 1, 1, 1]), [-1, 1])),
  dispose: () => {},
};
const circle = (level: tf.Tensor) =>
  tf.tidy(() => tf.concat([tf.cos(tf.mul(level, 3)), tf.sin(tf.mul(level, 3))], 1) as tf.Tensor2D);

/** Makes the mouth as bright as the middle frame of its audio window is loud; that frame begins at step 6.4 of 16. */
const oracle = {
  name: 'oracle',
  recipe: {
    ...{ crops: ['dinet head'], hidden: 'mouth box', laid: 'hidden part', references: 5 },
    audio: { kind: 'mel', bins: 80, steps: 16 },
  },
  training: false,
  eval() {},
  train() {},
  encodeReferences: (references: tf.Tensor4D): DinetReferences => ({
    features: tf.clone(references),
    deformable: tf.clone(references),
  }),
  generate: (masked: tf.Tensor4D, { features }: DinetReferences, audio: tf.Tensor3D) => {
    expect(features.shape).toEqual([1, height, width, 15]);
    const level = tf.reshape(tf.slice(audio, [0, 0, 7], [-1, 1, 1]), [-1, 1, 1, 1]);
    return tf.where(tf.equal(masked, 0), tf.mul(tf.onesLike(masked), level), masked) as tf.Tensor4D;
  },
} as unknown as FaceGenerator;

test('a generator that follows its audio equals the truth with its own audio, and follows the other audio', async () => {
  const before = tf.memory().numTensors;
  const evaluation = await evaluateGenerator({
    generator: oracle,
    store,
    experts: [levelExpert],
    sheet: 3 /* one is the short clip's */,
  });
  expect(tf.memory().numTensors).toBe(before);
  expect(evaluation).toMatchObject({
    clips: 2,
    frameCount: 2 * COUNT,
    leftOut: [ids[2]],
    mouth,
    references: 5,
    otherAudio: 'clip',
  });
  const row = (of: string, audio: string) => evaluation.rows.find((one) => one.of === of && one.audio === audio)!;
  expect(row('generated', 'own').psnr).toBeGreaterThan(60);
  expect(row('generated', 'own').mouthSsim).toBeGreaterThan(0.999);
  expect(row('copy-input', 'own')).toMatchObject({ ssim: 1, psnr: 100, mouthPsnr: 100 });
  expect(row('repeat-reference', 'own').mouthPsnr).toBeLessThan(20);
  expect(row('generated', 'other')).not.toHaveProperty('ssim');
  expect(row('generated', 'own').sync[0].inSync).toBe(1);
  expect(row('generated', 'other').sync[0].inSync).toBe(1); // generated to it
  expect(row('copy-input', 'own').sync[0].lseC).toBeGreaterThan(2 * row('copy-input', 'other').sync[0].lseC);
  expect(row('repeat-reference', 'own').sync[0].lseD).toBeGreaterThan(row('copy-input', 'own').sync[0].lseD);
  expect(row('copy-input', 'own').sharpness).toBe(0); // even mouths
  const png = decode(evaluation.sheet!);
  expect([png.width, png.height]).toEqual([2 * (8 * width + 4) + 4, 6 * (8 * height + 4) + 4]);
});

test('the same seed gives the same figures, and its own audio moved serves where no other is', async () => {
  const run = () =>
    evaluateGenerator({ generator: oracle, store, clips: [ids[0]], experts: [levelExpert], sheet: 2, seed: 4 });
  const [first, second] = [await run(), await run()];
  expect(first.otherAudio).toBe('shifted');
  expect(second).toEqual(first);
  const moved = first.rows.find(({ of, audio }) => of === 'copy-input' && audio === 'other')!;
  expect(moved.sync[0].inSync).toBe(0);
});

test('a real generator goes through, its mode and the tensors stay as they were', async () => {
  const small = storedShape({ kind: 'dinet head', mouth: 32 });
  const other = await mkdtemp(join(tmpdir(), 'evaluate-dinet-real-'));
  const heads = await ClipStore.create(other, {
    crop: { kind: 'dinet head', mouth: 32 },
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: BINS,
    fps: 25,
  });
  const random = new Random(2);
  await heads.write({
    id: clipId('n.mp4', 0, 0),
    frames: Uint8Array.from({ length: 12 * small.height * small.width * 3 }, () => random.integer(256)),
    frameCount: 12,
    height: small.height,
    width: small.width,
    audio: new Int16Array(12 * 640),
    features: { data: Float32Array.from({ length: 40 * BINS }, () => random.normal()), steps: 40, bins: BINS },
    landmarks: new Float32Array(12 * 136),
    poses: new Float32Array(12 * 4).fill(1),
    firstFrame: 0,
    score: 1,
    interpolated: 0,
  });
  const generator = new DinetGenerator({ ...LITE_DINET, width: 2, referenceChannels: 4, norm: 'batch' }, { seed: 1 });
  const before = tf.memory().numTensors;
  const { rows, sheet, experts } = await evaluateGenerator({
    generator,
    store: heads,
    framesPerClip: 12,
    sheet: 0,
    batch: 4,
  });
  expect(tf.memory().numTensors).toBe(before);
  expect(generator.training).toBe(true);
  expect([experts, sheet]).toEqual([[], undefined]);
  expect(rows[0].psnr).toBeGreaterThan(3);
  expect(rows[0].psnr).toBeLessThan(20);
  generator.dispose();
  await rm(other, { recursive: true });
}, 60_000);

test('evaluateGenerator refuses stores and experts that do not go together with it', async () => {
  const blind = { ...levelExpert, recipe: { ...recipe, fps: 30 } };
  await expect(evaluateGenerator({ generator: oracle, store, experts: [blind] })).rejects.toThrow(
    'evaluateGenerator: expert must be one of 25 frames a second',
  );
  await expect(evaluateGenerator({ generator: oracle, store, clips: [ids[2]] })).rejects.toThrow(
    'at least 1 of 12 frames or more',
  );
  await expect(evaluateGenerator({ generator: oracle, store, batch: 0 })).rejects.toThrow(
    'evaluateGenerator: batch must be a whole number above 0, got 0',
  );
});
