import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { registerGradients } from '../autograd/register-gradients';
import { imageCases, madeImages, madeNetwork, sampledDifference } from '../testing/image-cases';
import {
  IMAGENET_COLOURS,
  type ImageArchitecture,
  ImageFeatures,
  imageFeatureShapes,
  imagenetNormalised,
} from './image-features';

const NETWORKS = Object.keys(imageCases.networks) as ImageArchitecture[];

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

describe.each(NETWORKS)('ImageFeatures of %s', (architecture) => {
  const { parameters, depth, shapes, number, height, width, taps, gradient } = imageCases.networks[architecture];
  const layers = taps.map(({ layer }) => layer);
  let network: ImageFeatures;
  let x: tf.Tensor4D;

  beforeAll(() => {
    network = madeNetwork(architecture);
    x = tf.tidy(() => imagenetNormalised(madeImages(`features ${number}`, 1, height, width)));
  });
  afterAll(() => x.dispose());

  test("has torchvision's names, shapes, depth and number of parameters", async () => {
    const state = await network.stateDict();
    expect(Object.fromEntries([...state].map(([name, array]) => [`features.${name}`, array.shape]))).toEqual(shapes);
    expect(Object.fromEntries(imageFeatureShapes(architecture))).toEqual(shapes);
    expect(network.depth).toBe(depth);
    expect(network.parameterCount()).toBe(parameters);
  });

  test("gives torchvision's outputs of the requested layers, in the requested order", () => {
    const before = tf.memory().numTensors;
    const outputs = network.forward(x, [...layers].reverse()).reverse();
    expect(tf.memory().numTensors).toBe(before + layers.length);
    const differences = outputs.map((output, i) => sampledDifference(output, taps[i]));
    expect(Math.max(...differences)).toBeLessThan(1e-5); // measured 2.4e-6
    tf.dispose(outputs);
  });

  test("has PyTorch's gradient by the image", () => {
    const before = tf.memory().numTensors;
    const slope = tf.grad((image) => tf.mean(network.forward(image as tf.Tensor4D, [layers.at(-1)!])[0]))(x);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(sampledDifference(slope, gradient)).toBeLessThan(1e-4); // measured 1.7e-6
    slope.dispose();
  });
});

test('ImageFeatures.smallestSide is the size from which a layer exists; smaller images are refused', () => {
  const sides = NETWORKS.map((architecture) => {
    const network = madeNetwork(architecture);
    const side = network.smallestSide(network.depth - 1);
    const fits = tf.zeros<tf.Rank.R4>([1, side, side + 1, 3]);
    const [output] = network.forward(fits, [network.depth - 1]);
    expect(output.shape[1]).toBe(1);
    const small = tf.zeros<tf.Rank.R4>([1, side - 1, side + 1, 3]);
    expect(() => network.forward(small, [network.depth - 1])).toThrow(
      `ImageFeatures.forward: x must be at least ${side} pixels high and wide for layer ${network.depth - 1}, got [1, ${side - 1}`,
    );
    tf.dispose([fits, output, small]);
    return side;
  });
  expect(sides).toEqual([63, 32, 32, 25]);
});

test("ImageFeatures takes torchvision's whole file and that of features alone, and names the network of another file", async () => {
  const network = new ImageFeatures('alexnet');
  const x = madeImages('x', 1, 64, 64);
  expect(() => network.forward(x, [1])).toThrow(
    'this network must be one with weights (call loadStateDict first), got one without',
  );
  const whole = formulaStateDict([...imageFeatureShapes('alexnet'), ['classifier.6.bias', [1000]]]);
  network.loadStateDict(whole);
  const state = await network.stateDict();
  expect(state.get('0.bias')).toEqual(whole.get('features.0.bias'));
  network.loadStateDict(state);
  const other = formulaStateDict(imageFeatureShapes('squeezenet1_1'));
  expect(() => network.loadStateDict(other)).toThrow(
    'ImageFeatures.loadStateDict: state must be that of alexnet, got that of SqueezeNet 1.1 (torchvision)',
  );
  state.delete('3.weight');
  expect(() => network.loadStateDict(state)).toThrow('1 missing: 3.weight');
  expect(() => network.forward(x, [13])).toThrow(
    'ImageFeatures.forward: layers must be whole numbers from 0 to 12, got [13]',
  );
  expect(() => network.forward(x, [])).toThrow('layers must be whole numbers');
  expect(() => network.forward(x, [1, 1])).toThrow('layers must be without repeats, got [1, 1]');
  expect(() => network.forward(tf.zeros([1, 64, 64, 1]), [1])).toThrow(
    'x must be of shape [batch, height, width, 3], got [1, 64, 64, 1]',
  );
  network.dispose();
  expect(() => network.forward(x, [1])).toThrow('disposed');
  expect(() => new ImageFeatures('resnet18' as 'vgg16')).toThrow(
    'ImageFeatures: architecture must be alexnet, vgg16, vgg19, squeezenet1_1',
  );
  x.dispose();
});

test('imagenetNormalised maps the mean colour to 0 and one deviation above it to 1', () => {
  const { mean, std } = IMAGENET_COLOURS;
  const x = tf.tensor([...mean, ...mean.map((value, i) => value + std[i])], [1, 1, 2, 3]);
  const before = tf.memory().numTensors;
  const y = imagenetNormalised(x);
  expect(tf.memory().numTensors).toBe(before + 1);
  [0, 0, 0, 1, 1, 1].forEach((value, i) => expect(y.dataSync()[i]).toBeCloseTo(value, 5)); // measured 1.2e-7
  tf.dispose([x, y]);
  expect(() => imagenetNormalised(tf.zeros([2, 4]))).toThrow(
    'imagenetNormalised: x must be of shape [..., 3], got [2, 4]',
  );
});
