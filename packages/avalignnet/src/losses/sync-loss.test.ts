import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { AVAlignNet } from '../network/avalignnet';
import { largestDifference, tensors, useWasm } from '../testing/backend';
import { sha256 } from '../testing/hashed-numbers';
import { LinearExpert } from '../testing/linear-expert';
import { RECIPE, random, SMALL } from '../testing/small';
import { saveAVAlignNet } from '../weights/weights';
import { generatorSyncLoss } from './generator-sync-loss';
import { mouthBatch, syncLoss } from './sync-loss';

beforeAll(useWasm);

const unit = (x: tf.Tensor) => tf.div(tf.add(x, 1), 2); // -1..1 to 0..1
/** RGB frames `[batch, 5, side, side, 3]` in 0..1. */
const madeFrames = (seed: number, batch: number, side: number) =>
  tf.tidy(() => tf.reshape(unit(random(seed, [batch * 5, side, side, 3])), [batch, 5, side, side, 3]) as tf.Tensor5D);
const madeFeatures = (batch: number) => random(9, [batch, 80, 16, 1], 4);

describe('mouthBatch', () => {
  const recipe = {
    ...RECIPE,
    frameCount: 2,
    crop: { kind: 'dinet', size: 8, upright: 'none', sampling: 'exact' },
  } as const;

  test('puts frames on the channels in the colour order and range of the recipe', () => {
    const frames = tf.reshape(tf.range(0, 2 * 8 * 8 * 3), [1, 2, 8, 8, 3]) as tf.Tensor5D;
    const channels = (color: 'RGB' | 'BGR') =>
      tf.slice(mouthBatch(frames, { ...recipe, color, range: [1, 3] }), [0, 0, 1, 0], [1, 1, 1, 6]).dataSync();
    // The second pixel holds 3, 4, 5 in the first frame and 192 more in the second; 0 becomes 1, 1 becomes 3.
    expect([...channels('RGB')]).toEqual([7, 9, 11, 391, 393, 395]);
    expect([...channels('BGR')]).toEqual([11, 9, 7, 395, 393, 391]);
  });

  test('leaves one tensor and refuses another shape', () => {
    const frames = tf.zeros([1, 2, 8, 8, 3]) as tf.Tensor5D;
    const before = tensors();
    const batch = mouthBatch(frames, { ...recipe, color: 'BGR' });
    expect(tensors()).toBe(before + 1);
    expect(batch.shape).toEqual([1, 8, 8, 6]);
    expect(() => mouthBatch(tf.zeros([1, 3, 8, 8, 3]), recipe)).toThrow(
      'mouthBatch: frames must be of shape [batch, 2, 8, 8, 3], got [1, 3, 8, 8, 3]',
    );
  });

  test('sees the lower half of a crop that says so', () => {
    const crop = { kind: 'aligned face', size: 8, rows: 'lower half' } as const;
    expect(mouthBatch(tf.zeros([1, 2, 4, 8, 3]), { ...recipe, crop }).shape).toEqual([1, 4, 8, 6]);
  });
});

describe('syncLoss', () => {
  test('is generatorSyncLoss of the prepared frames, and leaves one tensor', () => {
    const net = new AVAlignNet(SMALL, { seed: 3, recipe: RECIPE });
    const inSync = syncLoss(net);
    const [frames, features] = [madeFrames(8, 2, 32), madeFeatures(2)];
    const before = tensors();
    const loss = inSync(frames, features);
    expect(tensors()).toBe(before + 1);
    expect(loss.dataSync()[0]).toBe(generatorSyncLoss(net, mouthBatch(frames, RECIPE), features).dataSync()[0]);
    net.dispose();
  });

  test.each(['RGB', 'BGR'] as const)('has the gradient of finite differences by %s frames', (color) => {
    const expert = new LinearExpert('unit');
    Object.assign(expert, { recipe: { ...expert.recipe, color, range: [-1, 1] } });
    const inSync = syncLoss(expert);
    const [frames, features] = [madeFrames(8, 2, 8), madeFeatures(2)];
    const loss = (x: tf.Tensor) => inSync(x as tf.Tensor5D, features);
    const gradient = tf.grad(loss)(frames);
    expect(gradient.shape).toEqual(frames.shape);
    const direction = tf.reshape(random(4, [10, 8, 8, 3]), frames.shape);
    const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0];
    const moved = (by: number) => loss(tf.add(frames, tf.mul(direction, by))).dataSync()[0];
    expect(Math.abs(along)).toBeGreaterThan(1e-3);
    // Measured 0.003 from 1: float32 losses, divided by a step of 2e-3.
    expect(Math.abs((moved(1e-3) - moved(-1e-3)) / 2e-3 / along - 1)).toBeLessThan(0.015);
    expert.dispose();
  });

  test('runs as a term beside another loss; gradients are those of the generator, the expert stays as it was', async () => {
    const expert = new AVAlignNet(SMALL, { seed: 3, recipe: RECIPE });
    const weights = async () => sha256(await saveAVAlignNet(expert));
    const hash = await weights();
    expert.train();
    const target = madeFrames(7, 1, 32);
    const l1 = (frames: tf.Tensor5D) => tf.mean(tf.abs(tf.sub(frames, target)));
    const features = madeFeatures(1);
    const painted = tf.variable(madeFrames(8, 1, 32)) as tf.Variable<tf.Rank.R5>;
    const variables = [painted];

    const inSync = syncLoss(expert); // frozen expert; takes frames [batch, time, height, width, 3] in 0..1 of the expert's crop
    const { value, grads } = tf.variableGrads(
      () => tf.add(l1(painted), tf.mul(0.1, inSync(painted, features))),
      variables,
    );

    expect(value.dataSync()[0]).toBeGreaterThan(0);
    expect(Object.keys(grads)).toEqual([painted.name]);
    const l1Only = tf.grad((x) => l1(x as tf.Tensor5D) as tf.Scalar)(painted);
    expect(largestDifference(grads[painted.name].dataSync(), l1Only.dataSync())).toBeGreaterThan(1e-7);
    expect(expert.training).toBe(false);
    expect(await weights()).toBe(hash);
    // Without a list of variables, too, the expert's are left out.
    const all = tf.variableGrads(() => inSync(painted, features));
    expect(Object.keys(all.grads)).toEqual([painted.name]);
    painted.dispose();
    expert.dispose();
  });

  test('refuses Euclidean experts, those without a recipe, and an expert that is trained later', () => {
    expect(() => syncLoss(new LinearExpert('euclidean'))).toThrow(
      'syncLoss: expert must be one of cosines (unit) or scores (joint)',
    );
    const bare = new AVAlignNet(SMALL, { seed: 3 });
    expect(() => syncLoss(bare)).toThrow('AVAlignNet.recipe: the network must be built or loaded with a recipe');
    bare.dispose();
    const expert = new LinearExpert('unit');
    const inSync = syncLoss(expert);
    expert.train();
    expect(() => inSync(madeFrames(8, 1, 8), madeFeatures(1))).toThrow('expert must be frozen, in evaluation mode');
    expert.dispose();
  });
});
