import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import fixture from '../../fixtures/networks.json';
import { drawnFrame } from '../testing/drawn-face';
import { noiseImage } from '../testing/noise-image';
import { REFERENCE_IMAGES } from '../testing/reference-images';
import { centreColours, landmarksInSquares } from './landmark-crops';
import { LandmarkNetwork } from './landmark-network';
import { readLandmarkWeights } from './network-weights';

let network: LandmarkNetwork;
beforeAll(async () => {
  await tf.setBackend('wasm');
  network = new LandmarkNetwork((await readLandmarkWeights()).landmarks);
});
afterAll(() => network.dispose());

const frame = { data: REFERENCE_IMAGES['face 112'](), width: 112, height: 112, index: 0, timeSec: 0 };
const whole = { x: 56, y: 56, side: 112, angle: 0 };

test('landmarksInSquares of a whole image of 112 px equals the network’s output', async () => {
  const before = tf.memory().numTensors;
  const [{ points, spread }] = await landmarksInSquares(network, frame, [whole], 1);
  const { output } = fixture.cases[0];
  points.forEach((value, i) => expect(Math.abs(value - output[i] * 112)).toBeLessThan(1e-4)); // measured 1.1e-5 px
  expect(spread).toBe(0);
  expect(tf.memory().numTensors).toBe(before);
});

test('landmarksInSquares maps the points back into the image', async () => {
  const [cos, sin] = [Math.cos(0.5), Math.sin(0.5)];
  const upright = drawnFrame(160, 160, [{ x: 80, y: 80, half: 44 }], 0, 3);
  const turned = drawnFrame(160, 160, [{ x: 80, y: 80, half: 44, cos, sin }], 0, 3);
  const square = { x: 80, y: 84, side: 116, angle: 0 };
  const centre = { x: 80 - sin * 4, y: 80 + cos * 4 };
  const [[a], [b]] = await Promise.all([
    landmarksInSquares(network, upright, [square], 1),
    landmarksInSquares(network, turned, [{ ...square, ...centre, angle: 0.5 }], 1),
  ]);
  for (let i = 0; i < 136; i += 2) {
    const [dx, dy] = [a.points[i] - 80, a.points[i + 1] - 80];
    expect(Math.hypot(b.points[i] - 80 - cos * dx + sin * dy, b.points[i + 1] - 80 - sin * dx - cos * dy)).toBeLessThan(
      2,
    );
  }
});

test('views agree on a drawn face and disagree on noise', async () => {
  const noise = { data: noiseImage(112, 7), width: 112, height: 112, index: 0, timeSec: 0 };
  for (const looks of [2, 5] as const) {
    const [onFace] = await landmarksInSquares(network, frame, [whole], looks);
    const [onNoise] = await landmarksInSquares(network, noise, [whole], looks);
    expect(onFace.spread).toBeLessThan(0.02); // measured 0.009 on the face and 0.071 on noise, with 2 or 5 looks
    expect(onNoise.spread).toBeGreaterThan(0.025);
  }
});

test('landmarksInSquares gives every square of a batch its own points', async () => {
  const second = { x: 54, y: 58, side: 100, angle: 0.1 };
  const both = await landmarksInSquares(network, frame, [whole, second], 5);
  const [alone] = await landmarksInSquares(network, frame, [second], 5);
  both[1].points.forEach((value, i) => expect(value).toBeCloseTo(alone.points[i], 4)); // measured 0
  expect(await landmarksInSquares(network, frame, [], 1)).toEqual([]);
});

test('centreColours subtracts the mean of each colour and divides by 255', () => {
  const pixels = Float32Array.of(10, 20, 30, 265, 20, 30);
  centreColours(pixels, [10, 20, 30]);
  expect([...pixels]).toEqual([0, 0, 0, 1, 0, 0]);
});
