import { selectBackend } from '@lipsync/backends';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { farthest, made, type NetworkNumbers, readFixture } from '../testing/torch-numbers';
import { referenceWeights } from './attention';

const { attention: CASES } = readFixture<NetworkNumbers>('networks');

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const inputs = () => ({
  audio: made<tf.Tensor3D>('heard', [2, 3, 6], -1, 1),
  references: made<tf.Tensor3D>('kept', [2, 4, 6], -1, 1),
});

test.each(CASES)('referenceWeights, $attention: weights and gradients as in PyTorch', (expected) => {
  const { audio, references } = inputs();
  const pull = made('pull', [2, 3, 4], -1, 1);
  const before = tf.memory().numTensors;
  const weights = referenceWeights(audio, references, expected.attention);
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(farthest(weights.dataSync(), expected.weights)).toBeLessThan(1e-6); // measured 6e-8
  if (expected.attention !== 'average') {
    const pulled = (a: tf.Tensor, r: tf.Tensor) =>
      tf.sum(tf.mul(referenceWeights(a as tf.Tensor3D, r as tf.Tensor3D, expected.attention), pull)) as tf.Scalar;
    const [byAudio, byReferences] = tf.grads(pulled)([audio, references]);
    expect(farthest(byAudio.dataSync(), expected.audio)).toBeLessThan(1e-6);
    expect(farthest(byReferences.dataSync(), expected.references)).toBeLessThan(1e-6);
    tf.dispose([byAudio, byReferences]);
  }
  tf.dispose([audio, references, pull, weights]);
});

test('as printed, the reference that is most like the audio weighs least, and none weighs e times another', () => {
  const audio = tf.tensor3d([[[1, 0]]]);
  const references = tf.tensor3d([
    [
      [1000, 0],
      [0, 1],
      [-1000, 0],
    ],
  ]);
  const of = (attention: 'as-printed' | 'plus-sigmoid' | 'scaled') =>
    tf.tidy(() => [...referenceWeights(audio, references, attention).dataSync()]);
  const [like, , unlike] = of('as-printed');
  expect(unlike / like).toBeCloseTo(Math.E, 5);
  const [first, , last] = of('plus-sigmoid');
  expect(first / last).toBeCloseTo(Math.E, 5);
  expect(of('scaled')).toEqual([1, 0, 0]);
  tf.dispose([audio, references]);
});

test('embeddings of the encoders are at least 0, so that the printed readings come within a factor of sqrt(e)', () => {
  const weights = tf.tidy(() => [
    ...referenceWeights(
      tf.tensor3d([[[1, 1]]]),
      tf.tensor3d([
        [
          [0, 0],
          [900, 900],
        ],
      ]),
      'plus-sigmoid',
    ).dataSync(),
  ]);
  expect(weights[1] / weights[0]).toBeCloseTo(Math.sqrt(Math.E), 5);
});

test('referenceWeights refuses embeddings of another length', () => {
  const { audio, references } = inputs();
  expect(() => referenceWeights(audio, tf.zeros([2, 4, 5]), 'scaled')).toThrow(
    'referenceWeights: references must be of shape [2, references, 6], got [2, 4, 5]',
  );
  tf.dispose([audio, references]);
});
