import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { plainContrastBatch, SMALL_RUN } from '../testing/small-run';
import { LocalTrainer } from './expert-trainer';

beforeAll(() => selectBackend({ backend: 'wasm', threads: 1 }));

const order = { learningRate: 1e-3, progress: 0.6 };

test('LocalTrainer resumes from a state to the same bits, in chunks as without, and frees all', async () => {
  const batch = plainContrastBatch();
  const before = tf.memory().numTensors;
  const first = new LocalTrainer(SMALL_RUN);
  const chunked = new LocalTrainer({ ...SMALL_RUN, chunk: 3 });
  const { loss } = await first.step(batch, order);
  expect((await chunked.step(batch, order)).loss).toBeCloseTo(loss, 6); // measured 0
  const state = await first.state();
  const next = (await first.step(batch, order)).loss;
  expect(next).not.toBe(loss);

  const second = new LocalTrainer(SMALL_RUN);
  await second.load(state);
  const [name, { data }] = [...(await second.weights())][0];
  expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(state.ema!.get(name)!.data.buffer))).toBe(0);
  expect((await second.step(batch, order)).loss).toBe(next);
  expect(await second.hash()).toBe(await first.hash());
  expect(await second.hash()).not.toBe(await chunked.hash());
  for (const trainer of [first, second, chunked]) await trainer.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

test('LocalTrainer keeps no average where it is not replica 0', async () => {
  const trainer = new LocalTrainer(SMALL_RUN, { rank: 1, count: 2, gather: (own) => [own], sum: async () => {} });
  await expect(trainer.weights()).rejects.toThrow(
    'LocalTrainer.weights: the replica must be 0, which keeps the average, got 1',
  );
  await trainer.dispose();
});
