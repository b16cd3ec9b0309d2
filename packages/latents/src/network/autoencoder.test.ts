import { selectBackend } from '@lipsync/backends';
import { disposeGradients, Random, registerGradients, toTorchLayout, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { autoencoderLoss } from '../losses/autoencoder-loss';
import { difference, fillMade, made, REFERENCE } from '../testing/reference';
import { AutoencoderKL } from './autoencoder';
import { type AutoencoderConfig, assertAutoencoderConfig, LITE_VAE, pixelsPerLatent, SD_VAE } from './config';
import { frameEncoder } from './frame-encoder';
import { latentDivergence, sampleLatents } from './latent-distribution';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  registerGradients();
});

const TINY: AutoencoderConfig = { ...SD_VAE, block_out_channels: [4, 8], layers_per_block: 1, norm_num_groups: 2 };

/** Beside a share of 1e-4 of the largest value (measured 5.1e-6): of a gradient that is 0 but for rounding: of `to_k.bias`, as a softmax does not change where all its inputs do. */
const ROUNDING = 1e-7;

describe('against PyTorch, with the same weights', () => {
  test.each(REFERENCE.cases)('$name: names, latents, images, loss and every gradient agree', async (reference) => {
    const { config, n, height, width } = reference;
    const net = new AutoencoderKL(assertAutoencoderConfig('test', config), { seed: 0 });
    const state = await fillMade(net);
    expect([...state].map(([name, { shape }]) => [name, shape]).sort()).toEqual([...reference.shapes].sort());
    const images = made(`images ${reference.name}`, [n, height, width, 3]);
    const { mean, logVariance } = net.encode(images);
    const noise = made(`noise ${reference.name}`, mean.shape);
    const loss = (x: tf.Tensor4D) => {
      const own = net.encode(x);
      const latents = tf.add(own.mean, tf.mul(tf.exp(tf.mul(own.logVariance, 0.5)), noise)) as tf.Tensor4D;
      const image = net.decode(latents);
      return { image, loss: tf.add(tf.mean(tf.squaredDifference(image, x)), tf.mul(latentDivergence(own), 0.01)) };
    };
    const image = tf.tidy(() => loss(images).image);
    // Measured at most 5.9e-7 of the largest value, by the images 1.3e-6; about eight and fifteen times that.
    expect(difference(mean.dataSync(), reference.mean)).toBeLessThan(5e-6);
    expect(difference(logVariance.dataSync(), reference.logVariance)).toBeLessThan(5e-6);
    expect(difference(image.dataSync(), reference.image)).toBeLessThan(5e-6);
    const divergence = latentDivergence({ mean, logVariance });
    expect(Math.abs(divergence.dataSync()[0] / reference.divergence - 1)).toBeLessThan(2e-6);

    const parameters = [...net.namedParameters()];
    const run = tf.valueAndGrads((x: tf.Tensor) => loss(x as tf.Tensor4D).loss as tf.Scalar);
    const byImages = run([images]);
    expect(difference(byImages.grads[0].dataSync(), reference.images)).toBeLessThan(2e-5);
    const { value, gradients } = valueAndGradients(net, () => tf.tidy(() => loss(images).loss as tf.Scalar));
    expect(Math.abs(value.dataSync()[0] / reference.loss - 1)).toBeLessThan(2e-6);
    const wrong = parameters.flatMap(([name, { variable, layout }]) => {
      const gradient = toTorchLayout(gradients.get(name)?.dataSync() as Float32Array, variable.shape, layout);
      const error = difference(gradient, reference.gradients[name]) * reference.gradients[name].largest;
      return error <= 1e-4 * reference.gradients[name].largest + ROUNDING ? [] : [`${name}: ${error}`];
    });
    expect(wrong).toEqual([]);
    tf.dispose([images, mean, logVariance, noise, image, divergence, byImages.value, ...byImages.grads, value]);
    disposeGradients(gradients);
    net.dispose();
  });
});

test('the sizes of Stable Diffusion: diffusers’ names and shapes, 83,653,863 parameters', async () => {
  // A quarter of its channels: 84 million random numbers take long. No other side is a multiple of 32.
  const net = new AutoencoderKL({ ...SD_VAE, block_out_channels: [32, 64, 128, 128] }, { seed: 0 });
  const shapes = [...(await net.stateDict())].map(([name, { shape }]): [string, number[]] => [
    name,
    shape.map((side) => (side % 32 === 0 ? 4 * side : side)),
  ]);
  expect(shapes.sort()).toEqual([...REFERENCE.shapes].sort());
  const count = shapes.reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0);
  expect([count, REFERENCE.parameters]).toEqual([83_653_863, 83_653_863]);
  expect(pixelsPerLatent(SD_VAE)).toBe(8);
  net.dispose();
});

describe('latents', () => {
  test('are drawn from their distribution, the same for a seed', () => {
    const mean = tf.fill<tf.Rank.R4>([4, 16, 16, 4], 2);
    const logVariance = tf.fill<tf.Rank.R4>([4, 16, 16, 4], Math.log(0.25));
    const [a, b, c] = [1, 1, 2].map((seed) => sampleLatents({ mean, logVariance }, new Random(seed)));
    const values = a.dataSync<'float32'>();
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length;
    expect(average).toBeCloseTo(2, 1); // 4096 draws: within 0.008 by one standard error
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
    expect(b.dataSync()).toEqual(values);
    expect(c.dataSync()).not.toEqual(values);
    tf.dispose([mean, logVariance, a, b, c]);
  });

  test('of a standard normal have no divergence', () => {
    const zeros = tf.zeros<tf.Rank.R4>([2, 3, 3, 4]);
    const divergence = latentDivergence({ mean: zeros, logVariance: zeros });
    expect(divergence.dataSync()[0]).toBe(0);
    tf.dispose([zeros, divergence]);
  });

  test('for a sync network are scaled; means by default, drawn where asked', () => {
    const net = new AutoencoderKL({ ...TINY, scaling_factor: 0.5 }, { seed: 3 });
    const frames = made('frames', [2, 8, 8, 3]);
    const { mean, logVariance } = net.encode(frames);
    const [means, drawn] = [frameEncoder(net), frameEncoder(net, { random: new Random(1) })].map((encoder) =>
      encoder.encode(frames),
    );
    const sample = sampleLatents({ mean, logVariance }, new Random(1));
    expect(means.shape).toEqual([2, 4, 4, 4]);
    expect(means.dataSync()).toEqual(mean.dataSync().map((value) => 0.5 * value));
    expect(drawn.dataSync()).toEqual(sample.dataSync().map((value) => 0.5 * value));
    tf.dispose([frames, mean, logVariance, means, drawn, sample]);
    net.dispose();
  });
});

test('its loss falls in training', () => {
  const net = new AutoencoderKL(TINY, { seed: 1 });
  const images = tf.tidy(() => tf.mul(made('training', [4, 8, 8, 3]), 0.5) as tf.Tensor4D);
  const losses: number[] = [];
  for (let step = 0; step < 12; step++) {
    const { value, gradients } = valueAndGradients(net, () =>
      autoencoderLoss(net, images, { random: new Random(5, step) }),
    );
    losses.push(value.dataSync()[0]);
    for (const [name, { variable }] of net.namedParameters())
      tf.tidy(() => variable.assign(tf.sub(variable, tf.mul(gradients.get(name) as tf.Tensor, 0.05))));
    value.dispose();
    disposeGradients(gradients);
  }
  expect(losses.at(-1)).toBeLessThan(0.9 * losses[0]);
  images.dispose();
  net.dispose();
});

test('leaves no tensors behind', () => {
  const before = tf.memory().numTensors;
  const net = new AutoencoderKL(LITE_VAE, { seed: 0 });
  const images = tf.zeros<tf.Rank.R4>([1, 16, 8, 3]);
  const own = tf.memory().numTensors;
  const { mean, logVariance } = net.encode(images);
  expect(mean.shape).toEqual([1, 2, 1, 4]);
  const decoded = net.decode(mean);
  expect(decoded.shape).toEqual([1, 16, 8, 3]);
  expect(tf.memory().numTensors).toBe(own + 3);
  net.dispose();
  tf.dispose([images, mean, logVariance, decoded]);
  expect(tf.memory().numTensors).toBe(before);
});

describe('refuses', () => {
  const config = (change: object) => () => assertAutoencoderConfig('open', { ...SD_VAE, ...change });
  test.each([
    ['no object', () => assertAutoencoderConfig('open', 7), 'open: config must be an object, got 7'],
    ['no levels', config({ block_out_channels: [] }), 'config.block_out_channels must be a list of numbers'],
    ['channels that groups do not divide', config({ block_out_channels: [48] }), 'multiples of norm_num_groups (32)'],
    ['no latents', config({ latent_channels: 0 }), 'config.latent_channels must be a whole number above 0, got 0'],
    ['a scaling of 0', config({ scaling_factor: 0 }), 'config.scaling_factor must be above 0, got 0'],
    ['another activation', config({ act_fn: 'relu' }), 'config.act_fn must be silu'],
    [
      'blocks that are not built',
      config({ down_block_types: ['AttnDownEncoderBlock2D'] }),
      'config.down_block_types must be DownEncoderBlock2D only',
    ],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(message);
  });

  test('images and latents of other shapes', () => {
    const net = new AutoencoderKL(TINY, { seed: 0 });
    const zeros = (...shape: number[]) => tf.zeros(shape) as never;
    expect(() => net.encode(zeros(1, 7, 8, 3))).toThrow(
      'images must be of shape [n, height, width, 3], sides multiples',
    );
    expect(() => net.encode(zeros(1, 8, 8, 4))).toThrow('images must be');
    expect(() => net.decode(zeros(1, 8, 8, 3))).toThrow('latents must be of shape [n, height, width, 4]');
    net.dispose();
    expect(() => net.encode(zeros(1, 8, 8, 3))).toThrow('one that was disposed');
  });

  test('nothing of diffusers’ own config.json', () => {
    const theirs = {
      _class_name: 'AutoencoderKL',
      act_fn: 'silu',
      block_out_channels: [128, 256, 512, 512],
      down_block_types: Array(4).fill('DownEncoderBlock2D'),
      in_channels: 3,
      latent_channels: 4,
      layers_per_block: 2,
      norm_num_groups: 32,
      out_channels: 3,
      sample_size: 256,
      up_block_types: Array(4).fill('UpDecoderBlock2D'),
    };
    expect(assertAutoencoderConfig('open', theirs)).toEqual(SD_VAE);
  });
});
