import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fixture from '../../fixtures/networks.json';
import { checksum, inputTensor } from '../testing/input-tensor';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { DETECTOR_INPUT_MEAN, decodeFaceBoxes, FaceDetectorNetwork } from './face-detector-network';
import { type LandmarkWeights, readLandmarkWeights } from './network-weights';

let weights: LandmarkWeights;
let network: FaceDetectorNetwork;
beforeAll(async () => {
  await tf.setBackend('wasm');
  weights = await readLandmarkWeights();
  network = new FaceDetectorNetwork(weights.detector);
});
afterAll(() => network.dispose());

const cases = fixture.cases.filter((item) => item.network === 'detector');

test.each(cases.flatMap((item) => ['wasm', 'cpu'].map((backend) => ({ ...item, backend }))))(
  'FaceDetectorNetwork scores and places the boxes of $image as PyTorch does, on $backend',
  async ({ image, size, output, checksum: sum, backend }) => {
    await tf.setBackend(backend);
    const bytes = REFERENCE_IMAGES[image]();
    expect(checksum(bytes)).toBe(sum);
    const input = inputTensor(bytes, size, DETECTOR_INPUT_MEAN);
    const result = network.forward(input);
    const raw = (await result.data()) as Float32Array;
    const ours = decodeFaceBoxes(raw, size / 32, 0);
    const theirs = decodeFaceBoxes(Float32Array.from(output), size / 32, 0);
    expect(ours).toHaveLength((size / 32) ** 2 * 5);
    ours.forEach((box, i) => {
      // measured: 6e-6 on wasm
      for (const key of ['x', 'y', 'width', 'height', 'score'] as const) {
        expect(Math.abs(box[key] - theirs[i][key])).toBeLessThan(1e-4);
      }
    });
    tf.dispose([input, result]);
    await tf.setBackend('wasm');
  },
);

test('the best box of a drawn face lies on the face', () => {
  const face = cases.find((item) => item.image === 'face 160')!;
  const boxes = decodeFaceBoxes(Float32Array.from(face.output), 5, 0.5).sort((a, b) => b.score - a.score);
  expect(boxes[0].score).toBeGreaterThan(0.8);
  expect(Math.abs(boxes[0].x * 160 - 82)).toBeLessThan(8);
  expect(Math.abs(boxes[0].y * 160 - 78)).toBeLessThan(12);
});

test('decodeFaceBoxes puts a box of zeros in the middle of its cell with the size of its anchor', () => {
  const output = new Float32Array(2 * 2 * 25).fill(0);
  const boxes = decodeFaceBoxes(output, 2, 0.5);
  expect(boxes).toHaveLength(20);
  expect(boxes[5]).toEqual({ x: 0.75, y: 0.25, width: 1.603231 / 2, height: 2.094468 / 2, score: 0.5 });
  expect(decodeFaceBoxes(output, 2, 0.51)).toEqual([]);
  expect(() => decodeFaceBoxes(output, 3, 0.5)).toThrow('decodeFaceBoxes: output must be cells · cells · 25 = 225');
});

test('FaceDetectorNetwork leaves one tensor per call and frees its weights', () => {
  const before = tf.memory().numTensors;
  const own = new FaceDetectorNetwork(weights.detector);
  const input = tf.zeros<tf.Rank.R4>([1, 64, 64, 3]);
  const held = tf.memory().numTensors;
  const result = own.forward(input);
  expect(tf.memory().numTensors).toBe(held + 1);
  own.dispose();
  own.dispose();
  expect(() => own.forward(input)).toThrow('FaceDetectorNetwork.forward: network must be alive');
  tf.dispose([input, result]);
  expect(tf.memory().numTensors).toBe(before);
});

test('FaceDetectorNetwork refuses images that are not square or no multiple of 32', () => {
  const odd = tf.zeros<tf.Rank.R4>([1, 100, 100, 3]);
  expect(() => network.forward(odd)).toThrow('a multiple of 32, got [1, 100, 100, 3]');
  odd.dispose();
});
