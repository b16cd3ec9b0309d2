import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fixture from '../../fixtures/embeddings.json';
import { readEmbeddingWeights, readLandmarkWeights, type StoredNetwork } from '../detect/network-weights';
import { checksum } from '../testing/input-tensor';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { EMBEDDING_INPUT_MEAN, FaceEmbeddingNetwork } from './face-embedding-network';

let weights: StoredNetwork;
let network: FaceEmbeddingNetwork;
beforeAll(async () => {
  await tf.setBackend('wasm');
  weights = await readEmbeddingWeights();
  network = new FaceEmbeddingNetwork(weights);
});
afterAll(() => network.dispose());

function inputs(): tf.Tensor4D {
  const images = fixture.cases.map(({ image, checksum: sum }) => {
    const bytes = REFERENCE_IMAGES[image]();
    expect(checksum(bytes)).toBe(sum);
    return Array.from(bytes, (value, i) => (value - EMBEDDING_INPUT_MEAN[i % 3]) / 256);
  });
  return tf.tensor4d(images.flat(), [images.length, 150, 150, 3]);
}

test('FaceEmbeddingNetwork gives the descriptors of a batch as PyTorch does one by one', async () => {
  const images = inputs();
  const output = network.forward(images);
  const numbers = await output.data();
  const wanted = fixture.cases.flatMap((item) => item.output);
  const largest = Math.max(...wanted.map((value, i) => Math.abs(value - numbers[i])));
  expect(output.shape).toEqual([2, 128]);
  expect(largest).toBeLessThan(5e-6); // measured: 4e-7 on wasm
  tf.dispose([images, output]);
});

test('FaceEmbeddingNetwork leaves one tensor per call and frees its weights, also those read in a tidy', () => {
  const before = tf.memory().numTensors;
  let own!: FaceEmbeddingNetwork;
  tf.tidy(() => void (own = new FaceEmbeddingNetwork(weights)));
  expect(tf.memory().numTensors).toBe(before + 2 * 29 + 1); // filter and bias of 29 convolutions, the linear layer
  const input = tf.zeros<tf.Rank.R4>([1, 150, 150, 3]);
  const held = tf.memory().numTensors;
  const result = own.forward(input);
  expect(tf.memory().numTensors).toBe(held + 1);
  own.dispose();
  own.dispose();
  expect(() => own.forward(input)).toThrow('FaceEmbeddingNetwork.forward: network must be alive');
  tf.dispose([input, result]);
  expect(tf.memory().numTensors).toBe(before);
});

test('FaceEmbeddingNetwork refuses images of another size and weights of another network', async () => {
  const small = tf.zeros<tf.Rank.R4>([1, 112, 112, 3]);
  expect(() => network.forward(small)).toThrow('images must be of shape [batch, 150, 150, 3], got [1, 112, 112, 3]');
  small.dispose();
  const { landmarks } = await readLandmarkWeights();
  expect(() => new FaceEmbeddingNetwork(landmarks)).toThrow(
    /FaceEmbeddingNetwork: weights must be .*missing: conv32_down/,
  );
});
