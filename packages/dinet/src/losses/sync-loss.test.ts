import type { EmbeddingBatch } from '@lipsync/contracts/tensors';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { Expert, made, tensors, useWasm } from '../testing/loss-parts';
import { type GeneratorSyncExpert, generatorSyncLoss } from './sync-loss';

beforeAll(useWasm);

const pictures = () => made('pictures', [3, 8, 8, 15]) as tf.Tensor4D;
const audio = () => made('sound', [3, 80, 16, 1]) as tf.Tensor4D;

describe('generatorSyncLoss', () => {
  test('of a unit expert is the mean of (cosine - 1)², and leaves one tensor', () => {
    const expert = new Expert('unit');
    const [frames, features] = [pictures(), audio()];
    const [seen, heard] = [expert.encodeVisual(frames).arraySync(), expert.encodeAudio(features).arraySync()];
    const wanted =
      seen.reduce((sum, row, i) => sum + (row.reduce((dot, value, k) => dot + value * heard[i][k], 0) - 1) ** 2, 0) / 3;
    const before = tensors();
    const loss = generatorSyncLoss(expert, frames, features);
    expect(tensors()).toBe(before + 1);
    expect(loss.dataSync()[0]).toBeCloseTo(wanted, 5);
    expect(wanted).toBeGreaterThan(0.01);
    loss.dispose();
    expert.dispose();
  });

  test('of a joint expert is the mean over the places of its map, or of the squared distances where it has none', () => {
    const expert = new Expert('joint');
    const [frames, features] = [pictures(), audio()];
    const map = expert.scoreMap(expert.encodeVisual(frames), expert.encodeAudio(features)).dataSync<'float32'>();
    const wanted = map.reduce((sum, score) => sum + (score - 1) ** 2, 0) / map.length;
    expect(map.length).toBe(12);
    expect(generatorSyncLoss(expert, frames, features).dataSync()[0] / wanted).toBeCloseTo(1, 5);
    const blind: GeneratorSyncExpert = {
      ...withoutMap(expert),
      pairDistances: (seen: EmbeddingBatch) => tf.tensor1d(Array.from({ length: seen.shape[0] }, (_, i) => i)),
    };
    expect(generatorSyncLoss(blind, frames, features).dataSync()[0]).toBeCloseTo((0 + 1 + 4) / 3, 6);
    expert.dispose();
  });

  test.each(['unit', 'joint'] as const)('has the gradient of finite differences by the frames (%s)', (space) => {
    const expert = new Expert(space);
    const [frames, features] = [pictures(), audio()];
    const loss = (x: tf.Tensor) => generatorSyncLoss(expert, x as tf.Tensor4D, features);
    const gradient = tf.grad(loss)(frames);
    const direction = made('direction', frames.shape, -1, 1);
    const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0];
    const moved = (by: number) => loss(tf.add(frames, tf.mul(direction, by))).dataSync()[0];
    expect((moved(1e-3) - moved(-1e-3)) / 2e-3 / along).toBeCloseTo(1, 1.5);
    expect(Math.abs(along)).toBeGreaterThan(1e-3);
    expert.dispose();
  });

  test('refuses Euclidean experts, joint ones that give nothing, those in training mode, and unlike rows', () => {
    const [frames, features] = [pictures(), audio()];
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
      'mel must be of as many rows as frames (3)',
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
