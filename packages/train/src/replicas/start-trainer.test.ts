import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { LocalTrainer } from '../step/expert-trainer';
import { SMALL_RUN } from '../testing/small-run';
import { startTrainer } from './start-trainer';

beforeAll(() => selectBackend({ backend: 'wasm', threads: 1 }));

test('startTrainer trains in this thread unless told otherwise', async () => {
  const trainer = await startTrainer(SMALL_RUN, { rows: 8 });
  expect(trainer).toBeInstanceOf(LocalTrainer);
  await trainer.dispose();
});

test('startTrainer refuses replicas without a row, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  await expect(startTrainer(SMALL_RUN, { rows: 2, replicas: 3 })).rejects.toThrow(
    'ReplicaTrainer: count must be at most the windows of a batch (2), got 3',
  );
  expect(tf.memory().numTensors).toBe(before);
});
