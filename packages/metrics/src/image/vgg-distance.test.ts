import { selectBackend } from '@lipsync/backends';
import {
  ImageFeatures,
  imageFeatureShapes,
  type PerceptualRecipe,
  perceptualDistance,
  VGG16_PERCEPTUAL,
} from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { formulaImages } from '../testing/formula-images';
import { VggDistanceScorer, vggDistance } from './vgg-distance';

// The numbers themselves are compared with PyTorch in @lipsync/nn; a small network stands in for VGG's here.
const recipe: PerceptualRecipe = { ...VGG16_PERCEPTUAL, architecture: 'squeezenet1_1', layers: [4, 7] };
let network: ImageFeatures;
let pair: [tf.Tensor4D, tf.Tensor4D];
let wanted: Float32Array;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  network = new ImageFeatures('squeezenet1_1');
  network.loadStateDict(formulaStateDict(imageFeatureShapes('squeezenet1_1')));
  pair = [formulaImages('real', 2, 32, 40), formulaImages('generated', 2, 32, 40)];
  wanted = tf.tidy(() => perceptualDistance(...pair, { network, recipe }).dataSync() as Float32Array);
});
afterAll(() => {
  network.dispose();
  tf.dispose(pair);
});

test('vggDistance is perceptualDistance, whatever the range, and keeps no tensor', async () => {
  const before = tf.memory().numTensors;
  expect(await vggDistance(network, ...pair, { range: [0, 1], recipe })).toEqual(wanted);
  expect(tf.memory().numTensors).toBe(before);
  const wide = tf.tidy(() => pair.map((x) => tf.sub<tf.Tensor4D>(tf.mul(x, 2), 1)));
  const distances = await vggDistance(network, wide[0], wide[1], { range: [-1, 1], recipe });
  // measured 2.5e-7: float32 pixels, moved to another range and back
  distances.forEach((distance, i) => expect(distance / wanted[i]).toBeCloseTo(1, 5));
  expect([...(await vggDistance(network, pair[0], pair[0], { range: [0, 1], recipe }))]).toEqual([0, 0]);
  await expect(vggDistance(network, wide[0], wide[1], { range: [0, 1], recipe })).rejects.toThrow(
    /^vggDistance: real must be within range/,
  );
  await expect(vggDistance(network, ...pair, { range: [0, 1] })).rejects.toThrow(
    'network must be vgg16, got squeezenet1_1',
  );
  tf.dispose(wide);
});

test('VggDistanceScorer is the mean of all pairs and says by which recipe', async () => {
  const scorer = new VggDistanceScorer(network, { range: [0, 1], recipe });
  expect(() => scorer.compute()).toThrow(
    'VggDistanceScorer.compute: samples so far must be at least one (call update first)',
  );
  await scorer.update(...pair);
  await scorer.update(pair[0], pair[0]);
  expect(scorer.compute()).toEqual({
    metric: 'vgg-distance',
    value: (wanted[0] + wanted[1]) / 4,
    samples: 4,
    convention:
      "squeezenet1_1, layers 4, 7 of torchvision's features: mean squared difference of each, sum over layers, RGB, images at their own size",
    notes: [],
  });
  scorer.reset();
  expect(() => scorer.compute()).toThrow('call update first');
  expect(() => new VggDistanceScorer(network, { range: [0, 1] })).toThrow(
    'VggDistanceScorer: network must be vgg16, got squeezenet1_1',
  );
  expect(() => new VggDistanceScorer(network, {} as { range: [0, 1] })).toThrow('VggDistanceScorer: range must be');
});
