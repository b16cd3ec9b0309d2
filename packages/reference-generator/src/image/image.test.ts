import { selectBackend } from '@lipsync/backends';
import { registerGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { blendByMask, stopGradient } from '../network/blend';
import { farthest, made, type NetworkNumbers, readFixture } from '../testing/torch-numbers';
import { gaussianBlur } from './gaussian-blur';
import { resizeBilinear } from './resize-bilinear';

const { blurs, resizes } = readFixture<NetworkNumbers>('networks');

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

test.each(blurs)('gaussianBlur of kernel $kernel, sigma $sigma, is torchvision’s', ({ kernel, sigma, numbers }) => {
  const x = made<tf.Tensor4D>('image', [2, 9, 8, 3], 0, 1);
  const before = tf.memory().numTensors;
  const y = gaussianBlur(x, { kernel, sigma });
  expect(tf.memory().numTensors).toBe(before + 1);
  expect(farthest(y.dataSync(), numbers)).toBeLessThan(1e-6); // measured 8e-8
  tf.dispose([x, y]);
});

test('gaussianBlur keeps a flat image, and refuses even kernels and images that are too small', () => {
  const flat = tf.tidy(() => [...gaussianBlur(tf.fill([1, 4, 3, 1], 0.5)).dataSync()]);
  expect(farthest(flat, new Array(12).fill(0.5))).toBeLessThan(1e-6);
  expect(() => gaussianBlur(tf.zeros([1, 4, 4, 1]), { kernel: 4 })).toThrow(
    'gaussianBlur: kernel must be an odd whole number, got 4',
  );
  expect(() => gaussianBlur(tf.zeros([1, 4, 4, 1]), { sigma: 0 })).toThrow('sigma must be above 0, got 0');
  expect(() => gaussianBlur(tf.zeros([1, 2, 4, 1]))).toThrow('x must be of sides above 2');
});

test.each(resizes)('resizeBilinear from 3 to $side pixels is PyTorch’s', ({ side, numbers }) => {
  const x = made<tf.Tensor4D>('square', [2, 3, 3, 2], -1, 1);
  const y = resizeBilinear(x, side);
  expect(farthest(y.dataSync(), numbers)).toBeLessThan(1e-6); // measured 9e-8
  tf.dispose([x, y]);
});

test('stopGradient copies and has no gradient; the blend trains the image but not the mask', () => {
  const x = tf.tensor1d([1, 2]);
  expect([...tf.tidy(() => stopGradient(x)).dataSync()]).toEqual([1, 2]);
  expect([
    ...tf
      .grad((x) => tf.mul(x, stopGradient(x)))(x)
      .dataSync(),
  ]).toEqual([1, 2]);
  const image = made<tf.Tensor4D>('painted', [1, 6, 6, 3], 0, 1);
  const frames = made<tf.Tensor4D>('real', [1, 6, 6, 3], 0, 1);
  const mask = tf.tidy(() => tf.concat<tf.Tensor4D>([tf.zeros([1, 3, 6, 1]), tf.ones([1, 3, 6, 1])], 1));
  const [byImage, byMask] = tf.grads((i, m) => blendByMask(i as tf.Tensor4D, frames, { mask: m as tf.Tensor4D }))([
    image,
    mask,
  ]);
  expect([...byMask.dataSync()].every((slope) => slope === 0)).toBe(true);
  const soft = gaussianBlur(mask);
  const spread = tf.tile(soft, [1, 1, 1, 3]);
  expect(farthest(byImage.dataSync(), spread.dataSync())).toBeLessThan(1e-6);
  expect(() => blendByMask(image, frames, { mask: tf.zeros([1, 6, 6, 3]) })).toThrow(
    'blendByMask: mask must be of shape [1, 6, 6, 1]',
  );
  expect(() => blendByMask(image, tf.zeros([2, 6, 6, 3]), { mask })).toThrow('frames must be of shape [1, 6, 6, 3]');
  tf.dispose([x, image, frames, mask, byImage, byMask, soft, spread]);
});
