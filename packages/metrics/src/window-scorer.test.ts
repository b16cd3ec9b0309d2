import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { SyncExpert } from '@lipsync/contracts';
import { beforeAll, expect, test } from 'vitest';
import { scoreEmbeddings } from './sync-scorer';
import { WindowScorer, scoreWindows } from './window-scorer';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Embeds a window as the first two of its numbers, made unit. */
const toy: SyncExpert = {
  name: 'toy',
  space: 'unit',
  embeddingSize: 2,
  recipe: {
    frames: 1,
    fps: 25,
    crop: {
      kind: 'similarity',
      centre: 'mean 48-67',
      upright: 'eye centres',
      side: '1.18 * max(eye distance, 0.95 * eye-to-mouth)',
      size: 2,
      window: 'clip median',
    },
    color: 'RGB',
    range: [-1, 1],
    mel: 'THESIS_MEL',
    melSteps: 3,
  },
  encodeFrames: (frames) => firstTwo(frames, 12),
  encodeAudio: (mel) => firstTwo(mel, 6),
  dispose: () => {},
};

function firstTwo(batch: tf.Tensor4D, length: number): tf.Tensor2D {
  return tf.tidy(() => tf.slice(tf.reshape(batch, [batch.shape[0], length]), [0, 0], [-1, 2]) as tf.Tensor2D);
}

const direction = (i: number) => [Math.cos(i * i), Math.sin(i * i)];
const windows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    frames: Float32Array.of(...direction(i), ...new Array<number>(10).fill(0.5)),
    mel: Float32Array.of(...direction(i + 2), 0, 0, 0, 0), // the sound of picture i + 2: two frames early
  }));

test('scoreWindows embeds in batches of any size and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const score = await scoreWindows(toy, windows(50), { batchSize: 7 });
  expect(tf.memory().numTensors).toBe(before);
  expect([score.offsetFrames, score.expert, score.windows]).toEqual([2, 'toy', 50]);
  const rows = (name: 'frames' | 'mel') => Float32Array.from(windows(50).flatMap((one) => [...one[name].subarray(0, 2)]));
  expect(score).toEqual(scoreEmbeddings(rows('frames'), rows('mel'), 2, { space: 'unit', expert: 'toy' }));
});

test('tensor counts stay flat over 200 scorings with one scorer', async () => {
  const scorer = new WindowScorer(toy, { batchSize: 16 });
  const before = tf.memory().numTensors;
  for (let run = 0; run < 200; run++) {
    for (const window of windows(20)) await scorer.update(window);
    await scorer.compute();
    scorer.reset();
  }
  expect(tf.memory().numTensors).toBe(before);
});

test('WindowScorer refuses windows of another size, and a score of nothing', async () => {
  const scorer = new WindowScorer(toy);
  const [window] = windows(1);
  await expect(scorer.update({ ...window, frames: new Float32Array(5) })).rejects.toThrow(
    'WindowScorer.update: window.frames must be 2 x 2 x 3 numbers, got 5',
  );
  await expect(scorer.update({ ...window, mel: new Float32Array(4) })).rejects.toThrow('window.mel must be bins x 3 numbers');
  await expect(scorer.compute()).rejects.toThrow('call update first');
  expect(() => new WindowScorer(toy, { batchSize: 0 })).toThrow('batchSize must be');
});
