import '@tensorflow/tfjs-backend-cpu';
import type { SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { localEmbedder } from './embedder';
import { JointScorer } from './joint-scorer';
import { SyncScorer } from './sync-scorer';

beforeAll(() => tf.setBackend('cpu'));

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'dinet', size: 64, upright: 'none', sampling: 'exact' },
  color: 'RGB',
  range: [0, 1],
  features: 'ASR_LOGITS',
  featureSteps: 9,
};

/** An expert that scores a pair by the Euclidean distance of its rows: what `SyncScorer` computes itself. */
const expert = {
  name: 'pairs',
  recipe,
  embeddingSize: 6,
  audioEmbeddingSize: 6,
  space: 'joint',
  pairDistances: (frames: tf.Tensor2D, audio: tf.Tensor2D) =>
    tf.tidy(() => tf.norm(tf.add(tf.sub(frames, audio), 1e-6), 'euclidean', 1) as tf.Tensor1D),
} as unknown as SyncExpert;

function rows(count: number, shift = 0): Float32Array {
  return Float32Array.from(
    { length: count * 6 },
    (_, i) => Math.sin((Math.floor(i / 6) + shift) * 12.9898 + (i % 6) * 78.233) * 3,
  );
}

test.each(['zero', 'overlap'] as const)(
  'JointScorer gives what SyncScorer gives where the pair score is a distance, beyond the ends %s',
  async (edges) => {
    const [visual, audio] = [rows(40), rows(40, 3)];
    const joint = new JointScorer(localEmbedder(expert), { maxShift: 7, edges });
    const before = tf.memory().numTensors;
    for (let at = 0; at < 40; at += 8) {
      await joint.update({ visual: visual.slice(at * 6, (at + 8) * 6), audio: audio.slice(at * 6, (at + 8) * 6) });
    }
    const score = await joint.compute();
    expect(tf.memory().numTensors).toBe(before);
    const plain = new SyncScorer({ space: 'euclidean', dimension: 6, maxShift: 7, edges });
    plain.update({ visual, audio });
    const wanted = plain.compute();
    expect(score).toMatchObject({ offsetFrames: wanted.offsetFrames, windows: 40, space: 'joint', expert: 'pairs' });
    expect(score.offsetFrames).toBe(3);
    // measured 6.9e-8
    score.meanDistances.forEach(({ distance }, k) => expect(distance).toBeCloseTo(wanted.meanDistances[k].distance, 6));
    // measured 2.4e-7
    score.perWindow.confidences.forEach((value, i) => expect(value).toBeCloseTo(wanted.perWindow.confidences[i], 5));
  },
);

test('JointScorer starts again, and refuses a score of nothing', async () => {
  const joint = new JointScorer(localEmbedder(expert), { maxShift: 2 });
  await joint.update({ visual: rows(9), audio: rows(9, 1) });
  joint.reset();
  await expect(joint.compute()).rejects.toThrow('at least one (call update first)');
  const { pairDistances: _, ...plain } = expert;
  expect(() => new JointScorer(localEmbedder(plain as SyncExpert))).toThrow(
    'JointScorer: embedder must be one with pairDistances, got pairs',
  );
});
