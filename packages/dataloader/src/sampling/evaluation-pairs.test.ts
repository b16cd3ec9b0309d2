import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClipStore } from '../store/clip-store';
import { BINS, madeStore, recipe, temporaryFolder } from '../testing/made-clips';
import type { EvaluationOptions } from './evaluation-pairs';
import { evaluationPairs } from './evaluation-pairs';

let folder: string;
let remove: () => Promise<void>;
let store: ClipStore;

beforeAll(async () => {
  await tf.setBackend('cpu');
  ({ folder, remove } = await temporaryFolder());
  store = await madeStore(folder, [30, 6, 40]); // 26, 2 and 36 windows
});
afterAll(() => remove());

async function all(options: EvaluationOptions = {}) {
  const evaluation = evaluationPairs(store, recipe, options);
  const clips = [];
  for await (const { frames, features, ...rest } of evaluation) {
    clips.push({
      ...rest,
      frames: await frames.data(),
      features: await features.data(),
      shapes: [frames.shape, features.shape],
    });
    tf.dispose([frames, features]);
  }
  return { clips, leftOut: evaluation.leftOut };
}

test('each clip gives as many pairs in sync as off, the off ones at least the distance apart', async () => {
  const { clips, leftOut } = await all({ minDistance: 4 });
  expect(leftOut).toEqual(['c1.mp4.t0.s0']);
  expect(clips.map((clip) => clip.id)).toEqual(['c0.mp4.t0.s0', 'c2.mp4.t0.s0']);
  for (const { pairs, frameStarts, featureStarts, frames, features, shapes } of clips) {
    expect(pairs).toHaveLength(24);
    expect(shapes).toEqual([
      [frameStarts.length, 3, 3, 15],
      [featureStarts.length, BINS, 16, 1],
    ]);
    expect(new Set(featureStarts).size).toBe(featureStarts.length); // each window once
    pairs.forEach((pair, i) => {
      expect(pair.label).toBe(i % 2 === 0 ? 1 : 0);
      const apart = Math.abs(frameStarts[pair.frame] - featureStarts[pair.features]);
      expect(pair.label === 1 ? apart === 0 : apart >= 4).toBe(true);
      expect(frames[pair.frame * 135 + 1]).toBe(frameStarts[pair.frame]);
      expect(features[pair.features * BINS * 16]).toBe(Math.floor(3.2 * featureStarts[pair.features]));
    });
  }
});

test('pairs of a clip do not change with the other clips, only with the seed', async () => {
  const whole = await all();
  const alone = await all({ clips: ['c2.mp4.t0.s0'] });
  expect(alone.clips[0]).toEqual(whole.clips[1]);
  expect((await all({ seed: 8 })).clips[1]).not.toEqual(whole.clips[1]);
});

test('the two batches of a clip are the only tensors, and the caller frees them', async () => {
  const before = tf.memory().numTensors;
  await all({ perClip: 3 });
  expect(tf.memory().numTensors).toBe(before);
});

test('evaluationPairs refuses counts that give no pairs', () => {
  expect(() => evaluationPairs(store, recipe, { perClip: 0 })).toThrow(
    'evaluationPairs: perClip must be a whole number above 0, got 0',
  );
});
