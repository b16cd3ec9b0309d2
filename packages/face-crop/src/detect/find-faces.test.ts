import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawnFrame } from '../testing/drawn-face';
import { FaceDetectorNetwork } from './face-detector-network';
import { blended, findFaces, strongest } from './find-faces';
import { readLandmarkWeights } from './network-weights';

let network: FaceDetectorNetwork;
beforeAll(async () => {
  await tf.setBackend('wasm');
  network = new FaceDetectorNetwork((await readLandmarkWeights()).detector);
});
afterAll(() => network.dispose());

const box = (left: number, score: number) => ({ left, right: left + 10, top: 0, bottom: 10, score, scale: 160 });

test('strongest keeps the best of boxes that overlap, the best first', () => {
  expect(strongest([box(0, 0.5), box(30, 0.6), box(1, 0.9), box(6, 0.4)]).map(({ left }) => left)).toEqual([1, 30, 6]);
});

test('blended averages the boxes of a face by their scores, and keeps the best score', () => {
  const boxes = [box(0, 0.5), box(30, 0.6), box(1, 0.75), box(3, 0.25)];
  expect(blended(boxes).map(({ left, right, score }) => [left, right, score])).toEqual([
    [1, 11, 0.75], // (0 · 0.5 + 1 · 0.75 + 3 · 0.25) / 1.5
    [30, 40, 0.6],
  ]);
});

test.each([
  ['wide', 240, 160],
  ['tall', 160, 240],
])('findFaces finds a drawn face in a %s image where it is', async (_, width, height) => {
  const face = { x: width - 70, y: height - 90, half: 44 };
  const [found] = await findFaces(network, drawnFrame(width, height, [face]), 160, 0.3);
  expect(found.score).toBeGreaterThan(0.5);
  expect(Math.abs((found.left + found.right) / 2 - face.x)).toBeLessThan(12);
  expect(Math.abs((found.top + found.bottom) / 2 - face.y)).toBeLessThan(20);
});

test('findFaces finds nothing on a wall and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  expect(await findFaces(network, drawnFrame(128, 128, []), 160, 0.3)).toEqual([]);
  expect(tf.memory().numTensors).toBe(before);
});
