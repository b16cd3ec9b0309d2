import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { tensors, useWasm } from '../testing/backend';
import { LinearExpert as Expert } from '../testing/linear-expert';
import { random } from '../testing/small';
import { type GeneratorSyncExpert, generatorSyncLoss } from './generator-sync-loss';

beforeAll(async () => {
  await useWasm();
  registerGradients();
});

// From 0 to 1: cosines of the linear expert are then above 0.
const madeFrames = () => tf.abs(random(21, [3, 8, 8, 15]));
const madeFeatures = () => tf.abs(random(22, [3, 80, 16, 1]));

describe('generatorSyncLoss', () => {
  test('of a unit expert is the mean of (cosine - 1)², and leaves one tensor', () => {
    const expert = new Expert('unit');
    const [frames, features] = [madeFrames(), madeFeatures()];
    const [visual, audio] = [expert.encodeVisual(frames).arraySync(), expert.encodeAudio(features).arraySync()];
    const wanted =
      visual.reduce((sum, row, i) => sum + (row.reduce((dot, value, k) => dot + value * audio[i][k], 0) - 1) ** 2, 0) /
      3;
    const before = tensors();
    const loss = generatorSyncLoss(expert, frames, features);
    expect(tensors()).toBe(before + 1);
    expect(loss.dataSync()[0]).toBeCloseTo(wanted, 6); // measured 2.8e-8
    expect(wanted).toBeGreaterThan(0.01);
    loss.dispose();
    expert.dispose();
  });

  test('of a joint expert is the mean over the places of its map, or of the squared distances where it has none', () => {
    const expert = new Expert('joint');
    const [frames, features] = [madeFrames(), madeFeatures()];
    const map = expert.scoreMap(expert.encodeVisual(frames), expert.encodeAudio(features)).dataSync<'float32'>();
    const wanted = map.reduce((sum, score) => sum + (score - 1) ** 2, 0) / map.length;
    expect(map.length).toBe(12);
    expect(generatorSyncLoss(expert, frames, features).dataSync()[0] / wanted).toBeCloseTo(1, 6); // measured 9.2e-8
    const mapless: GeneratorSyncExpert = {
      ...withoutMap(expert),
      pairDistances: (visual: EmbeddingBatch) => tf.tensor1d(Array.from({ length: visual.shape[0] }, (_, i) => i)),
    };
    expect(generatorSyncLoss(mapless, frames, features).dataSync()[0]).toBeCloseTo((0 + 1 + 4) / 3, 6); // measured 4e-8
    expert.dispose();
  });

  test.each(['unit', 'joint'] as const)('has the gradient of finite differences by the frames (%s)', (space) => {
    const expert = new Expert(space);
    const [frames, features] = [madeFrames(), madeFeatures()];
    const loss = (x: tf.Tensor) => generatorSyncLoss(expert, x as tf.Tensor4D, features);
    const gradient = tf.grad(loss)(frames);
    const direction = tf.mul(tf.abs(random(23, frames.shape)), tf.sign(gradient));
    const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0];
    const moved = (by: number) => loss(tf.add(frames, tf.mul(direction, by))).dataSync()[0];
    // measured 5.8e-5: the terms of third order in the step
    expect(Math.abs((moved(1e-3) - moved(-1e-3)) / 2e-3 / along - 1)).toBeLessThan(4e-4);
    expect(along).toBeGreaterThan(0.1);
    expert.dispose();
  });

  test('is minus the mean logarithm of the cosine as cross-entropy, with its gradient; for cosines only', () => {
    const [unit, joint] = [new Expert('unit'), new Expert('joint')];
    const [frames, features] = [madeFrames(), madeFeatures()];
    const [visual, audio] = [unit.encodeVisual(frames).arraySync(), unit.encodeAudio(features).arraySync()];
    const cosine = visual.map((row, i) => row.reduce((dot, value, k) => dot + value * audio[i][k], 0));
    const loss = (x: tf.Tensor) => generatorSyncLoss(unit, x as tf.Tensor4D, features, { formula: 'cross-entropy' });
    const wanted = -cosine.reduce((sum, value) => sum + Math.log(value), 0) / 3;
    expect(loss(frames).dataSync()[0] / wanted).toBeCloseTo(1, 6); // measured 5.6e-8
    const gradient = tf.grad(loss)(frames);
    const direction = tf.mul(tf.abs(random(23, frames.shape)), tf.sign(gradient));
    const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0];
    const moved = (by: number) => loss(tf.add(frames, tf.mul(direction, by))).dataSync()[0];
    // measured 2e-4: the terms of third order in the step
    expect(Math.abs((moved(1e-3) - moved(-1e-3)) / 2e-3 / along - 1)).toBeLessThan(1e-3);
    expect(() => generatorSyncLoss(joint, frames, features, { formula: 'cross-entropy' })).toThrow(
      'options.formula must be "squared" for an expert without cosines',
    );
    unit.dispose();
    joint.dispose();
  });

  test('refuses Euclidean experts, joint ones without scores, those in training mode, and batches of different sizes', () => {
    const [frames, features] = [madeFrames(), madeFeatures()];
    const [unit, euclidean] = [new Expert('unit'), new Expert('euclidean')];
    expect(() => generatorSyncLoss(euclidean, frames, features)).toThrow(
      'expert must be one of cosines (unit) or scores (joint)',
    );
    const mute = withoutMap(new Expert('joint'));
    expect(() => generatorSyncLoss(mute, frames, features)).toThrow(
      'expert must be one with scoreMap or pairDistances',
    );
    unit.train();
    expect(() => generatorSyncLoss(unit, frames, features)).toThrow(
      'expert must be frozen, in evaluation mode: call its eval(), got one in training mode',
    );
    unit.eval();
    expect(() => generatorSyncLoss(unit, frames, tf.zeros([2, 80, 16, 1]) as tf.Tensor4D)).toThrow(
      'features must be of as many rows as frames (3)',
    );
  });
});

function withoutMap(expert: Expert): GeneratorSyncExpert {
  const { name, recipe, embeddingSize } = expert;
  return {
    name,
    recipe,
    embeddingSize,
    space: 'joint',
    encodeVisual: (frames) => expert.encodeVisual(frames),
    encodeAudio: (features) => expert.encodeAudio(features),
    dispose: () => expert.dispose(),
  };
}
