import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Clip } from '../store/clip';
import { clipId } from '../store/clip-id';
import { ClipStore } from '../store/clip-store';
import { dataReport } from './data-report';

const SIZE = 96;
let folder: string;
let store: ClipStore;

/** A clip whose gray, lips and place are known. */
function clip(source: string, { count = 50, gray = 128, moving = true, side = 120, angle = 0 } = {}): Clip {
  const landmarks = new Float32Array(count * 136).fill(200);
  for (let frame = 0; frame < count; frame++) {
    const open = moving && frame % 2 === 1 ? 20 : 0; // a mouth 100 wide
    const set = (point: number, x: number, y: number) => landmarks.set([x, y], frame * 136 + 2 * point);
    set(48, 150, 200);
    set(54, 250, 200);
    set(62, 200, 200);
    set(66, 200, 200 + open);
  }
  const steps = Math.ceil(count * 3.2) + 1;
  return {
    id: clipId(source, 0, 0),
    frames: new Uint8Array(count * SIZE * SIZE * 3).fill(gray),
    frameCount: count,
    height: SIZE,
    width: SIZE,
    audio: new Int16Array(count * 640),
    features: { data: new Float32Array(steps * 80), steps, bins: 80 },
    landmarks,
    poses: Float32Array.from({ length: count * 4 }, (_, i) => [200, 200, side, angle][i % 4]),
    firstFrame: 0,
    score: 0.9,
    interpolated: 0,
  };
}

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'lipsync-report-'));
  const recipe = recipeOf(LITE);
  const crop = { ...recipe.crop, side: 1.9, size: SIZE } as typeof recipe.crop;
  store = await ClipStore.create(folder, { crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 });
  await store.write(clip('a.mp4', { count: 150 }));
  await store.write(clip('b <1>.mp4', { gray: 20, side: 40, angle: Math.PI / 2 }));
  await store.write(clip('c.mp4', { moving: false }));
  await store.drop({ source: 'd.mp4', reason: 'silent', detail: 'x' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('dataReport measures length, size, brightness and the movement of the lips', async () => {
  const report = await dataReport(store, { thumbnails: 2 });
  expect(report).toMatchObject({ clips: 3, videos: 3, fps: 25, dropped: { silent: 1 } });
  expect(report.minutes).toBeCloseTo(250 / 25 / 60, 12); // measured 0
  expect(report.largestVideoShare).toBeCloseTo(0.6, 9);
  expect(report.seconds).toMatchObject({ least: 2, median: 2, greatest: 6 });
  expect(report.cropSide).toMatchObject({ least: 40, median: 120, greatest: 120 });
  expect(report.brightness.least).toBeCloseTo(20, 6); // measured 0
  // half of the frames open by 20 % of the mouth's width: a deviation of 10 %
  expect(report.lipMovement.least).toBe(0);
  expect(report.lipMovement.greatest).toBeCloseTo(10, 3);
  expect(report.seconds.bins.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(report.offsets).toBeUndefined();
  expect(report.thumbnails.map(({ id }) => id)).toEqual(['a.mp4.t0.s0', 'b <1>.mp4.t0.s0']);
});

test('dataReport draws landmarks where they lie in the crop, turned crops too', async () => {
  const { thumbnails } = await dataReport(store, { thumbnails: 3 });
  const at = (index: number, point: number) => [...thumbnails[index].landmarks.subarray(2 * point, 2 * point + 2)];
  // 50 px left of the centre of a crop of 120 px that is shown at 96
  expect(at(0, 48)[0]).toBeCloseTo((0.5 - 50 / 120) * 96, 3);
  expect(at(0, 48)[1]).toBeCloseTo(48, 3);
  // a crop turned by a quarter shows what is 50 px left of its centre 50 px below it
  expect(at(1, 48)[0]).toBeCloseTo(48, 2);
  expect(at(1, 48)[1]).toBeCloseTo((0.5 + 50 / 40) * 96, 2);
});

test('dataReport warns of what is likely to go wrong', async () => {
  const { warnings } = await dataReport(store);
  const text = warnings.join('\n');
  for (const part of [
    'only 3 videos',
    'only 0.2 minutes',
    '60 % of the frames',
    'lips hardly move in 33 %',
    '33 % of the clips are dark',
    '33 % of the crops',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain('frames off: training');
  expect(text).toContain('offsets are unknown');
});

test('dataReport counts the offsets that an expert finds', async () => {
  const recipe = recipeOf(LITE);
  // Both embeddings say only where the window is, by its order: audio 3 windows later matches.
  const order = { frameCount: 0, features: 0 };
  const oneHot = (kind: 'frameCount' | 'features', rows: number, shift: number) =>
    tf.tidy(() => {
      const hot = tf.oneHot(
        Array.from({ length: rows }, () => order[kind]++ + shift),
        200,
        1,
        0,
        'float32',
      );
      return tf.tensor2d(hot.dataSync(), [rows, 200]);
    });
  const expert: SyncExpert = {
    name: 'ruler',
    recipe,
    embeddingSize: 200,
    space: 'unit',
    encodeVisual: (frames) => oneHot('frameCount', frames.shape[0], 0),
    encodeAudio: (features) => oneHot('features', features.shape[0], 3),
    dispose: () => {},
  };
  const before = tf.memory().numTensors;
  const seen: number[] = [];
  const { offsets, warnings } = await dataReport(store, {
    expert,
    onClip: (done) => {
      seen.push(done);
      order.frameCount = order.features = 0;
    },
  });
  expect(tf.memory().numTensors).toBe(before);
  expect(seen).toEqual([1, 2, 3]);
  expect(offsets?.counts.find(({ clips }) => clips > 0)).toEqual({ offsetFrames: 3, clips: 3 });
  expect(offsets).toMatchObject({ expert: 'ruler', beyondTwo: 1, leftOut: 0, corrected: 0 });
  expect(warnings.join()).toContain('100 % of the clips are more than 2 frames off: training will plateau');
});

test('dataReport refuses a store without clips', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'lipsync-report-'));
  const none = await ClipStore.create(empty, store.recipe);
  await expect(dataReport(none)).rejects.toThrow('store must be one with at least one clip');
  await rm(empty, { recursive: true });
});
