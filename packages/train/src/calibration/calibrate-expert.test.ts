import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { LITE, recipeOf } from '@lipsync/avalignnet';
import { assertVerdictCalibration } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { calibrateExpert } from './calibrate-expert';
import { reliabilityChart } from './reliability-chart';

const FRAMES = 75;
const recipe = { ...recipeOf(LITE), frameCount: 1, featureSteps: 1, crop: { ...recipeOf(LITE).crop, size: 4 } };
let folder: string;
let store: ClipStore;

/** Clips whose frame k is as bright as its audio at k is loud: a walk from 0 to 1. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'calibrate-expert-'));
  const stored = { crop: recipe.crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 } as const;
  store = await ClipStore.create(folder, stored);
  for (const name of ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4', 'e.mp4', 'f.mp4']) {
    const random = new Random(1, name.charCodeAt(0));
    const level = Float32Array.from({ length: FRAMES }, () => Math.round(random.uniform(0, 255)));
    const steps = Math.ceil((80 * FRAMES) / 25) + 1;
    const at = (step: number) => level[Math.min(FRAMES - 1, Math.ceil(step / 3.2))] / 127.5 - 1;
    await store.write({
      id: clipId(name, 0, 0),
      frames: Uint8Array.from({ length: FRAMES * 48 }, (_, index) => level[Math.floor(index / 48)]),
      ...{ frameCount: FRAMES, height: 4, width: 4, audio: new Int16Array(FRAMES * 640) },
      features: {
        data: Float32Array.from({ length: steps * 80 }, (_, index) => at(Math.floor(index / 80))),
        ...{ steps, bins: 80 },
      },
      ...{ landmarks: new Float32Array(FRAMES * 136), poses: new Float32Array(FRAMES * 4) },
      ...{ firstFrame: 0, score: 1, interpolated: 0 },
    });
  }
});
afterAll(() => rm(folder, { recursive: true }));

/** Turns a level into places on circles of several speeds: no two levels look alike. */
const places = (levels: tf.Tensor) =>
  tf.tidy(() => {
    const circles = [3, 7, 11, 17, 23].flatMap((speed) => [
      tf.cos(tf.mul(levels, speed)),
      tf.sin(tf.mul(levels, speed)),
    ]);
    return tf.div(tf.stack(circles, 1), Math.sqrt(5)) as tf.Tensor2D;
  });
const expert: SyncExpert = {
  name: 'circles',
  recipe,
  embeddingSize: 10,
  space: 'unit',
  encodeVisual: (frames) => tf.tidy(() => places(tf.mean(frames, [1, 2, 3]))),
  encodeAudio: (features) => tf.tidy(() => places(tf.mean(features, [1, 2, 3]))),
  dispose() {},
};

test('calibrateExpert fits a calibration on the clips of a store, each video a person, and leaves no tensor', async () => {
  const done: number[] = [];
  const before = tf.memory().numTensors;
  const options = { perLength: 40, onClip: (count: number) => done.push(count) };
  const { calibration, reliability, clips, people, unknown } = await calibrateExpert(expert, store, options);
  expect(tf.memory().numTensors).toBe(before);
  expect([clips, people, unknown, done]).toEqual([6, 6, [], [1, 2, 3, 4, 5, 6]]);
  expect(assertVerdictCalibration('test', calibration).source).toBe('6 clips of 6 people');
  const whole = reliability.groups.find(({ group }) => group === 'whole clips')!;
  expect(whole.true!.right).toBeGreaterThan(0.9);
  expect(whole.other!.answered).toBeLessThanOrEqual(0.02);
  expect(reliability.expectedCalibrationError).toBeLessThan(0.05);
  const svg = reliabilityChart(reliability, 'circles');
  expect(svg).toContain(`circles: expected calibration error ${reliability.expectedCalibrationError.toFixed(3)}`);
  expect(svg).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
});

test('calibrateExpert refuses one person alone, and networks that score pairs', async () => {
  const [id] = await store.list();
  await expect(calibrateExpert(expert, store, { clips: [id] })).rejects.toThrow(
    'calibrateExpert: options.clips must be clips of at least two people, got 1',
  );
  await expect(calibrateExpert({ ...expert, space: 'joint' }, store)).rejects.toThrow(
    'calibrateExpert: expert must be a network of embeddings, got circles, which scores pairs',
  );
});
