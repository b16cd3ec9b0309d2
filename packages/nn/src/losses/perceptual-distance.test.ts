import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registerGradients } from '../autograd/register-gradients';
import { imageCases, madeImages, madeNetwork, sampledDifference } from '../testing/image-cases';
import type { ImageFeatures } from './image-features';
import { DINET_PERCEPTUAL, perceptualDistance, VGG16_PERCEPTUAL } from './perceptual-distance';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

describe.each([
  ['DINET_PERCEPTUAL', DINET_PERCEPTUAL, imageCases.dinet],
  ['VGG16_PERCEPTUAL', VGG16_PERCEPTUAL, imageCases.coursework],
] as const)('perceptualDistance by %s', (_, recipe, { number, height, width, value, byReal, byGenerated }) => {
  let network: ImageFeatures;
  let pair: [tf.Tensor4D, tf.Tensor4D];

  beforeAll(() => {
    network = madeNetwork(recipe.architecture);
    pair = [madeImages(`real ${number}`, 2, height, width), madeImages(`generated ${number}`, 2, height, width)];
  });
  afterAll(() => tf.dispose(pair));

  test("equals PyTorch's, one value for each image, and leaves one tensor", () => {
    const before = tf.memory().numTensors;
    const distance = perceptualDistance(...pair, { network, recipe });
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(distance.shape).toEqual([2]);
    // measured 1.6e-6
    distance.dataSync().forEach((each, i) => expect(Math.abs(each / value[i] - 1)).toBeLessThan(1e-5));
    distance.dispose();
  });

  test("has PyTorch's gradient by either image", () => {
    const before = tf.memory().numTensors;
    const loss = (real: tf.Tensor, generated: tf.Tensor) =>
      tf.mean(perceptualDistance(real as tf.Tensor4D, generated as tf.Tensor4D, { network, recipe }));
    const [real, generated] = tf.grads(loss)(pair);
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(sampledDifference(real, byReal)).toBeLessThan(1e-4); // measured 4.3e-6
    expect(sampledDifference(generated, byGenerated)).toBeLessThan(1e-4); // measured 3e-6
    tf.dispose([real, generated]);
  });

  test('of a flat image with itself is 0: both filters of the second scale keep flat areas', () => {
    const flat = tf.fill([1, height, width, 3], 0.3) as tf.Tensor4D;
    const distance = perceptualDistance(flat, flat, { network, recipe });
    expect(distance.dataSync()[0]).toBeLessThan(1e-6); // measured 4.4e-8
    tf.dispose([flat, distance]);
  });
});

test('perceptualDistance refuses another network, images of different sizes and odd sides', () => {
  const network = madeNetwork('vgg16');
  const [a, b] = [tf.zeros<tf.Rank.R4>([1, 33, 32, 3]), tf.zeros<tf.Rank.R4>([1, 32, 32, 3])];
  expect(() => perceptualDistance(b, b, { network, recipe: DINET_PERCEPTUAL })).toThrow(
    'perceptualDistance: network must be vgg19, got vgg16',
  );
  expect(() => perceptualDistance(a, b, { network, recipe: VGG16_PERCEPTUAL })).toThrow(
    'generated must be of shape [1, 33, 32, 3], got [1, 32, 32, 3]',
  );
  const gray = tf.zeros<tf.Rank.R4>([1, 32, 32, 1]);
  expect(() => perceptualDistance(gray, gray, { network, recipe: VGG16_PERCEPTUAL })).toThrow(
    'real must be of shape [batch, height, width, 3]',
  );
  const recipe = { ...VGG16_PERCEPTUAL, scales: 'full and half' } as const;
  expect(() => perceptualDistance(a, a, { network, recipe })).toThrow(
    'real must be of even height and width for its second scale, got [1, 33',
  );
  tf.dispose([a, b, gray]);
});
