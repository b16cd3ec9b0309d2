import '@tensorflow/tfjs-backend-cpu';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { type Embedder, localEmbedder } from './embedder';
import { scoreEmbeddings } from './sync-scorer';
import { scoreWindows, WindowScorer } from './window-scorer';

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** Embeds a window as the first two of its numbers, made unit. */
const toy: SyncExpert = {
  name: 'toy',
  space: 'unit',
  embeddingSize: 2,
  recipe: {
    frameCount: 1,
    fps: 25,
    crop: {
      kind: 'similarity',
      centre: 'mean 48-67',
      upright: 'eye centres',
      side: 1.18,
      size: 2,
      window: 'clip median',
    },
    color: 'RGB',
    range: [-1, 1],
    features: 'THESIS_MEL',
    featureSteps: 3,
  },
  encodeVisual: (frames) => firstTwo(frames, 12),
  encodeAudio: (features) => firstTwo(features, 6),
  dispose: () => {},
};

function firstTwo(batch: tf.Tensor4D, length: number): tf.Tensor2D {
  return tf.tidy(() => tf.slice(tf.reshape(batch, [batch.shape[0], length]), [0, 0], [-1, 2]) as tf.Tensor2D);
}

const direction = (i: number) => [Math.cos(i * i), Math.sin(i * i)];
const windows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    frames: Float32Array.of(...direction(i), ...new Array<number>(10).fill(0.5)),
    features: Float32Array.of(...direction(i + 2), 0, 0, 0, 0), // the audio of frame i + 2: two frames early
  }));

test('scoreWindows embeds in batches of any size and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const score = await scoreWindows(localEmbedder(toy), windows(50), { batchSize: 7 });
  expect(tf.memory().numTensors).toBe(before);
  expect([score.offsetFrames, score.expert, score.windows]).toEqual([2, 'toy', 50]);
  const rows = (name: 'frames' | 'features') =>
    Float32Array.from(windows(50).flatMap((one) => [...one[name].subarray(0, 2)]));
  expect(score).toEqual(
    scoreEmbeddings(
      { visual: rows('frames'), audio: rows('features') },
      { space: 'unit', dimension: 2, expert: 'toy' },
    ),
  );
});

test('tensor counts stay flat over 200 scorings with one scorer', async () => {
  const scorer = new WindowScorer(localEmbedder(toy), { batchSize: 16 });
  const before = tf.memory().numTensors;
  for (let run = 0; run < 200; run++) {
    for (const window of windows(20)) await scorer.update(window);
    await scorer.compute();
    scorer.reset();
  }
  expect(tf.memory().numTensors).toBe(before);
});

/** The toy elsewhere: `wait` before each batch of frames. */
function remote(wait: () => Promise<void>): Embedder {
  const local = localEmbedder(toy);
  return {
    ...local,
    concurrency: 2,
    visual: async (all) => {
      await wait();
      return local.visual(all);
    },
  };
}

test('batches embedded elsewhere give the same score, whatever order they come back in', async () => {
  const plain = await scoreWindows(localEmbedder(toy), windows(50), { batchSize: 7 });
  const waiting: (() => void)[] = [];
  let most = 0;
  const wait = async () => {
    most = Math.max(most, waiting.length + 1);
    // The last to come is the first to continue.
    await new Promise<void>((go) => {
      waiting.push(go);
      setTimeout(() => {
        for (const each of waiting.splice(0).reverse()) each();
      }, 1);
    });
  };
  const scorer = new WindowScorer(remote(wait), { batchSize: 7, maxPending: 2 });
  for (const window of windows(50)) await scorer.update(window);
  expect(await scorer.compute()).toEqual(plain);
  expect(most).toBe(3);
});

test('an error elsewhere is thrown by the next call, and not after a reset', async () => {
  let fails = true;
  const embedder = remote(async () => {
    if (fails) throw new Error('no network');
  });
  const scorer = new WindowScorer(embedder, { batchSize: 2, maxPending: 1 });
  const [first, second] = windows(2);
  await scorer.update(first);
  await scorer.update(second);
  await expect(scorer.compute()).rejects.toThrow('no network');
  scorer.reset();
  fails = false;
  for (const window of windows(20)) await scorer.update(window);
  expect((await scorer.compute()).windows).toBe(20);
});

test('windows may name their audio, where the embedder knows it', async () => {
  const local = localEmbedder(toy);
  const all = windows(30);
  const byIndex: Embedder<number> = { ...local, audio: (frames) => local.audio(frames.map((i) => all[i].features)) };
  const named = all.map(({ frames }, features) => ({ frames, features }));
  expect(await scoreWindows(byIndex, named)).toEqual(await scoreWindows(local, all));
});

test('WindowScorer refuses windows of another size, and a score of nothing', async () => {
  const scorer = new WindowScorer(localEmbedder(toy));
  const [window] = windows(1);
  await expect(scorer.update({ ...window, frames: new Float32Array(5) })).rejects.toThrow(
    'WindowScorer.update: window.frames must be 2 x 2 x 3 values, got 5',
  );
  await expect(scorer.update({ ...window, features: new Float32Array(4) })).rejects.toThrow(
    'window.features must be bins x 3 values',
  );
  await expect(scorer.compute()).rejects.toThrow('call update first');
  expect(() => new WindowScorer(localEmbedder(toy), { batchSize: 0 })).toThrow('batchSize must be');
  expect(() => new WindowScorer(localEmbedder(toy), { maxPending: 0.5 })).toThrow(
    'maxPending must be a whole number of batches',
  );
});
