import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fixture from '../../fixtures/networks.json';
import { checksum, inputTensor } from '../testing/input-tensor';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { LANDMARK_INPUT_MEAN, LandmarkNetwork } from './landmark-network';
import { type LandmarkWeights, readLandmarkWeights } from './network-weights';

let weights: LandmarkWeights;
let network: LandmarkNetwork;
beforeAll(async () => {
  await tf.setBackend('wasm');
  weights = await readLandmarkWeights();
  network = new LandmarkNetwork(weights.landmarks);
});
afterAll(() => network.dispose());

const cases = fixture.cases.filter((item) => item.network === 'landmarks');

test.each(cases.flatMap((item) => ['wasm', 'cpu'].map((backend) => ({ ...item, backend }))))(
  'LandmarkNetwork gives the points of $image as PyTorch does, on $backend',
  async ({ image, size, output, checksum: sum, backend }) => {
    await tf.setBackend(backend);
    const bytes = REFERENCE_IMAGES[image]();
    expect(checksum(bytes)).toBe(sum);
    const input = inputTensor(bytes, size, LANDMARK_INPUT_MEAN);
    const result = network.forward(input);
    const points = await result.data();
    // measured: 3e-5 on wasm
    points.forEach((value, i) => expect(Math.abs(value - output[i]) * 112).toBeLessThan(1e-4));
    tf.dispose([input, result]);
    await tf.setBackend('wasm');
  },
);

test('LandmarkNetwork gives the same points for an image alone and in a batch', async () => {
  const [a, b] = cases.map((item) => inputTensor(REFERENCE_IMAGES[item.image](), 112, LANDMARK_INPUT_MEAN));
  const both = tf.concat([a, b]);
  const together = network.forward(both);
  const points = await together.data();
  cases.forEach((item, row) => {
    // measured 2.3e-5 px, as alone
    item.output.forEach((value, i) => expect(Math.abs(points[row * 136 + i] - value) * 112).toBeLessThan(1e-4));
  });
  tf.dispose([a, b, both, together]);
});

test('LandmarkNetwork leaves one tensor per call and frees its weights', () => {
  const before = tf.memory().numTensors;
  const own = new LandmarkNetwork(weights.landmarks);
  const input = tf.zeros<tf.Rank.R4>([1, 112, 112, 3]);
  const held = tf.memory().numTensors;
  const result = own.forward(input);
  expect(tf.memory().numTensors).toBe(held + 1);
  own.dispose();
  own.dispose();
  expect(() => own.forward(input)).toThrow('LandmarkNetwork.forward: network must be alive');
  tf.dispose([input, result]);
  expect(tf.memory().numTensors).toBe(before);
});

test('LandmarkNetwork refuses images of another size and weights of another network', () => {
  const small = tf.zeros<tf.Rank.R4>([1, 96, 96, 3]);
  expect(() => network.forward(small)).toThrow('images must be of shape [batch, 112, 112, 3], got [1, 96, 96, 3]');
  small.dispose();
  expect(() => new LandmarkNetwork(weights.detector)).toThrow(/LandmarkNetwork: weights must be .*missing: dense0/);
});
