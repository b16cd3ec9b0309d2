import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { selectBackend } from '@lipsync/backends';
import type { ClipStore } from '@lipsync/dataloader';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noiseStore } from '../testing/noise-store';
import { SMALL_RUN } from '../testing/small-run';
import { overfitExpert } from './overfit-expert';
import { trainExpert } from './train-expert';
import { assertTrainable } from './training-plan';

let folder: string;
let store: ClipStore;
const { config } = SMALL_RUN.choice;
beforeAll(async () => {
  await selectBackend({ backend: 'wasm', threads: 1, log: () => {} });
  folder = await mkdtemp(join(tmpdir(), 'overfit-expert-'));
  store = await noiseStore(folder, { network: 'avalignnet', config });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('overfitExpert learns one batch, even of noise, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const losses: number[] = [];
  const options = { store, config, clipsPerBatch: 2, windowsPerClip: 3, overfitSteps: 20 };
  const report = await overfitExpert({ ...options, onStep: (_, loss) => void losses.push(loss) });
  expect(losses).toHaveLength(20);
  expect(report).toMatchObject({ steps: 20, batch: 6, learningRate: 1e-3, falls: true });
  expect(report.first).toBeCloseTo((losses[0] + losses[1] + losses[2]) / 3, 12);
  expect(report.last).toBeLessThan(0.5 * report.first);
  expect(tf.memory().numTensors).toBe(before);
}, 120_000);

test('overfitExpert says where the loss does not fall', async () => {
  const options = { store, config, clipsPerBatch: 2, windowsPerClip: 3, overfitSteps: 6, learningRate: 1e-9 };
  const { first, last, falls } = await overfitExpert(options);
  expect(falls).toBe(false);
  expect(last).toBeCloseTo(first, 2);
  await expect(overfitExpert({ ...options, overfitSteps: 0 })).rejects.toThrow('overfitSteps must be a whole number');
}, 120_000);

test('assertTrainable refuses what trainExpert refuses, in the same words', async () => {
  const refused = async (options: { clipsPerBatch?: number; windowsPerClip?: number; network?: 'syncnet' }) => {
    const message = await assertTrainable({ store, config, ...options }).then(
      () => 'nothing',
      (error: Error) => error.message,
    );
    const run = trainExpert({ store, config, out: join(folder, 'refused'), steps: 1, ...options });
    await expect(run.next()).rejects.toThrow(message);
    return message;
  };
  expect(await refused({})).toMatch(
    /^trainExpert: clipsPerBatch must be at most \d, the training clips that are long enough for 6 windows \(of 3\), got 12$|^trainExpert: store must be one with 1 or more training clips that are long enough for 6 windows each, got 0 of \d$/,
  );
  expect(await refused({ clipsPerBatch: 4, windowsPerClip: 3 })).toBe(
    'trainExpert: clipsPerBatch must be at most 3, the training clips that are long enough for 3 windows (of 3), got 4',
  );
  expect(await refused({ network: 'syncnet' })).toMatch(/SyncLoader/); // clips for another network
  await assertTrainable({ store, config, clipsPerBatch: 3, windowsPerClip: 3 });
});
