import { expect, test } from 'vitest';
import { drawnFrame } from '../testing/drawn-face';
import { noiseImage } from '../testing/noise-image';
import { coarseImage, coarseSquare, imageSimilarity } from './coarse-image';

const plain = (level: number) => ({
  data: new Uint8Array(64 * 64 * 3).fill(level),
  width: 64,
  height: 64,
  index: 0,
  timeSec: 0,
});
const noise = (seed: number) => ({ data: noiseImage(64, seed), width: 64, height: 64, index: 0, timeSec: 0 });

test('coarseImage holds the mean green of each cell', () => {
  const coarse = coarseImage(plain(90));
  expect(coarse).toHaveLength(256);
  coarse.forEach((value) => expect(value).toBeCloseTo(90, 6)); // measured 0
});

test('coarseSquare of the whole image is the coarse image, and rotates with its angle', () => {
  const frame = noise(3);
  const whole = { x: 32, y: 32, side: 64, angle: 0 };
  expect(coarseSquare(frame, whole)).toEqual(coarseImage(frame));
  const turned = coarseSquare(frame, { ...whole, angle: Math.PI });
  const backwards = coarseSquare(frame, whole).reverse();
  // samples on the other side of a pixel's edge
  expect(imageSimilarity(turned, backwards)).toBeGreaterThan(0.98);
});

test('imageSimilarity is high from one frame to the next, also when the light changes, and low after a cut', () => {
  const one = drawnFrame(96, 96, [{ x: 48, y: 44, half: 28 }]);
  const next = drawnFrame(96, 96, [{ x: 49, y: 44, half: 28, open: 0.9 }], 1);
  const darker = { ...next, data: next.data.map((value) => value * 0.6) };
  expect(imageSimilarity(coarseImage(one), coarseImage(next))).toBeGreaterThan(0.94);
  expect(imageSimilarity(coarseImage(one), coarseImage(darker))).toBeGreaterThan(0.94);
  expect(imageSimilarity(coarseImage(noise(1)), coarseImage(noise(2)))).toBeLessThan(0.5);
});

test('imageSimilarity is 1 for two plain images and 0 for a plain one and another', () => {
  expect(imageSimilarity(coarseImage(plain(0)), coarseImage(plain(200)))).toBe(1);
  expect(imageSimilarity(coarseImage(plain(0)), coarseImage(noise(1)))).toBe(0);
});
