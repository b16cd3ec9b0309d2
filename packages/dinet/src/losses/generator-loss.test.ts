import { ImageFeatures } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { made, tensors, useWasm } from '../testing/loss-parts';
import { DINET_WEIGHTS, dinetPerceptual, imageLoss } from './generator-loss';

beforeAll(useWasm);

test('imageLoss is the mean squared difference, with its gradient, and leaves one tensor', () => {
  const [real, generated] = [made('real', [2, 4, 4, 3]), made('generated', [2, 4, 4, 3])] as tf.Tensor4D[];
  const [a, b] = [real.dataSync<'float32'>(), generated.dataSync<'float32'>()];
  const before = tensors();
  const loss = imageLoss(real, generated);
  expect(tensors()).toBe(before + 1);
  // measured 4.7e-8: a float32 mean of 96 squares
  expect(loss.dataSync()[0]).toBeCloseTo(a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length, 6);
  const gradient = tf
    .grad((x: tf.Tensor) => imageLoss(real, x as tf.Tensor4D))(generated)
    .dataSync();
  gradient.forEach((value, i) => expect(value).toBeCloseTo((2 * (b[i] - a[i])) / a.length, 8)); // measured 1.3e-9
  expect(() => imageLoss(real, tf.zeros([1, 4, 4, 3]))).toThrow(
    'imageLoss: generated must be of shape [2, 4, 4, 3], got [1, 4, 4, 3]',
  );
});

test('dinetPerceptual accepts VGG-19 only; its values are tested with perceptualDistance and the training step', () => {
  const alexnet = new ImageFeatures('alexnet');
  expect(() => dinetPerceptual(alexnet)).toThrow('dinetPerceptual: network must be vgg19, got alexnet');
  alexnet.dispose();
});

test("DINET_WEIGHTS are the thesis's, and frozen", () => {
  expect(DINET_WEIGHTS).toEqual({ perceptual: 10, gan: 1, sync: 0.1, image: 1 });
  expect(Object.isFrozen(DINET_WEIGHTS)).toBe(true);
});
