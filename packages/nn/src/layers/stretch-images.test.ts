import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { stretchImages } from './stretch-images';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerGradients();
});

const made = (n: number, height: number, width: number) =>
  tf.tensor4d(
    Float32Array.from({ length: n * height * width * 2 }, (_, i) => Math.sin(i * 1.7) ** 2),
    [n, height, width, 2],
  );

test.each([
  [7, 5, 4, 9],
  [4, 6, 8, 12],
  [3, 3, 1, 2],
])('%i x %i to %i x %i are the images of half-pixel centres', (height, width, tall, wide) => {
  const images = made(2, height, width);
  const wanted = tf.image.resizeBilinear(images, [tall, wide], false, true);
  const before = tf.memory().numTensors;
  const stretched = stretchImages(images, { height: tall, width: wide });
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(stretched.shape).toEqual([2, tall, wide, 2]);
  const largest = tf.max(tf.abs(tf.sub(stretched, wanted))).dataSync()[0];
  expect(largest).toBeLessThan(1e-6); // measured 3e-7
});

test('its gradient is that of the same sampling: the transposed matrix', () => {
  const [images, dy] = [made(1, 5, 4), made(1, 8, 3)];
  const stretch = (x: tf.Tensor) => stretchImages(x as tf.Tensor4D, { height: 8, width: 3 });
  const gradient = tf.grad(stretch)(images, dy);
  // <stretch(x), dy> = <x, gradient>, since it is linear
  const [left, right] = [tf.sum(tf.mul(stretch(images), dy)), tf.sum(tf.mul(images, gradient))];
  expect(left.dataSync()[0]).toBeCloseTo(right.dataSync()[0], 5);
  const spot = tf.tensor4d(
    new Float32Array(40).fill(0).map((_, i) => (i === 11 ? 1 : 0)),
    [1, 5, 4, 2],
  );
  const [moved, slope] = [tf.sum(tf.mul(stretch(spot), dy)), gradient.dataSync()[11]];
  expect(moved.dataSync()[0]).toBeCloseTo(slope, 6);
});

test('images of the size wanted are the same, and bad sizes are refused', () => {
  const images = made(1, 4, 4);
  expect([...stretchImages(images, { height: 4, width: 4 }).dataSync()]).toEqual([...images.dataSync()]);
  expect(() => stretchImages(images, { height: 0, width: 4 })).toThrow('stretchImages: size must be whole numbers');
});
