import { readFileSync } from 'node:fs';
import { decodeSafetensors, toFloat32 } from '@lipsync/checkpoints';
import { disposeGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { binaryCrossEntropy } from '../losses/binary-cross-entropy';
import { fromTorch, largestDifference, tensors, useWasm } from '../testing/backend';
import { networkFixture } from '../testing/fixture';
import { hashedWeights, noise, safetensorsFile, sha256 } from '../testing/hashed-numbers';
import { RECIPE, random, SMALL } from '../testing/small';
import { loadAVAlignNet } from '../weights/weights';
import { AVAlignNet } from './avalignnet';
import type { AVAlignNetConfig } from './config';
import { LITE, thesis } from './configurations';
import { countParameters, parameterShapes } from './parameter-shapes';

beforeAll(useWasm);

const FULL = process.env.LIPSYNC_AVALIGNNET_FULL;

describe.each(['attention', 'thesis'] as const)('AVAlignNet, the %s configuration at reduced channels', (name) => {
  const fixture = networkFixture(name);
  const config: AVAlignNetConfig = { ...fixture.config, input: fixture.input };
  const { height, width, featureSteps } = fixture.input;
  const batch = fixture.labels.length;
  const channels = config.visual_encoder.in_channels;
  const file = safetensorsFile(hashedWeights(parameterShapes(config)), fixture.metadata);
  const frames = () => fromTorch(noise(1, batch * channels * height * width), [batch, channels, height, width]);
  const features = () => random(2, [batch, 80, featureSteps, 1], 4);

  test('loads the file of the reference program, byte for byte', async () => {
    expect(sha256(file)).toBe(fixture.sha256);
    const net = await loadAVAlignNet(file);
    expect(net.weightsHash).toBe(fixture.sha256);
    expect(net.config).toEqual(config);
    net.dispose();
  });

  test('gives the embeddings and cosines of PyTorch', async () => {
    const net = await loadAVAlignNet(file);
    const [images, mel] = [frames(), features()];
    const { visual, audio } = net.forward(images, mel);
    // Measured 6e-7.
    expect(largestDifference(visual.dataSync(), fixture.visual)).toBeLessThan(5e-6);
    expect(largestDifference(audio.dataSync(), fixture.audio)).toBeLessThan(5e-6);
    expect(largestDifference(net.score(images, mel).dataSync(), fixture.cosine)).toBeLessThan(2e-6); // measured 1.8e-7
    net.dispose();
  });

  test('gives the loss and the gradients of PyTorch, tensor by tensor', async () => {
    const net = await loadAVAlignNet(file);
    const [images, audio, labels] = [frames(), features(), tf.tensor1d(fixture.labels)];
    const { value, gradients } = valueAndGradients(net, () => binaryCrossEntropy(net.score(images, audio), labels));
    expect(value.dataSync()[0]).toBeCloseTo(fixture.loss, 5); // measured 3e-7
    const parameters = net.namedParameters();
    const names = Object.keys(fixture.gradients).sort();
    expect([...gradients.keys()].sort()).toEqual(names);
    const every = FULL ? decodeSafetensors(readFileSync(`${FULL}/${name}-gradients.safetensors`)).tensors : undefined;
    names.forEach((key, index) => {
      const expected = fixture.gradients[key];
      const ours = inTorchLayout(gradients.get(key) as tf.Tensor, parameters.get(key)?.layout);
      // measured 1.2e-5 of the largest; 7e-8 where the true slope is 0, as for a bias before a norm
      const tolerance = 1e-4 * expected.max + 1e-6;
      const sampled = expected.values.map((_, sample) => ours[sample * expected.stride]);
      expect(largestDifference(sampled, expected.values), key).toBeLessThanOrEqual(tolerance);
      // All elements with random signs: independent errors of the tolerance would add up to its sqrt(n)-fold.
      const sums = [0, 1].map((k) => {
        const signs = noise((5000 + index) * 2 + k, ours.length);
        return ours.reduce((sum, slope, at) => sum + (signs[at] < 0 ? -slope : slope), 0);
      });
      expect(largestDifference(sums, expected.signedSums), key).toBeLessThanOrEqual(tolerance * Math.sqrt(ours.length));
      if (every) {
        const all = toFloat32(every.get(key) as never);
        const max = all.reduce((largest, slope) => Math.max(largest, Math.abs(slope)), 0);
        expect(largestDifference(ours, all), key).toBeLessThanOrEqual(1e-4 * max + 1e-6); // as above
      }
    });
    net.dispose();
    disposeGradients(gradients);
  });
});

/** A gradient's values in PyTorch's axis order. */
function inTorchLayout(gradient: tf.Tensor, layout = 'same'): Float32Array {
  const axes = { same: undefined, conv: [3, 2, 0, 1], linear: [1, 0] }[layout];
  return (axes ? tf.transpose(gradient, axes) : gradient).dataSync() as Float32Array;
}

describe('AVAlignNet', () => {
  test('has the names, shapes and parameter count of parameterShapes and countParameters', async () => {
    const attentive: AVAlignNetConfig = {
      ...SMALL,
      visual_encoder: { ...SMALL.visual_encoder, attn_blocks: [0, 1, 0] },
      audio_encoder: { ...SMALL.audio_encoder, attn_blocks: [1, 0, 0], dropout: 0.1 },
    };
    for (const config of [SMALL, attentive, LITE]) {
      const net = new AVAlignNet(config, { seed: 0 });
      const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [name, shape]);
      expect(shapes).toEqual([...parameterShapes(config)]);
      expect(net.parameterCount()).toBe(countParameters(config).total);
      net.dispose();
    }
  });

  test('untrained, has cosines of 0..1, a cross-entropy of 0.70 to 0.80, and rows of length 1 without negative entries', () => {
    const net = new AVAlignNet(SMALL, { seed: 3 });
    const [frames, features] = [random(8, [32, 32, 32, 15]), random(9, [32, 80, 16, 1], 4)];
    const { visual, audio } = net.forward(frames, features);
    for (const embedding of [visual, audio]) {
      expect(embedding.shape).toEqual([32, 256]);
      expect(Math.min(...embedding.dataSync())).toBe(0);
      // measured 3e-7: the root of a float32 sum of 256 squares
      expect(largestDifference(tf.norm(embedding, 2, 1).dataSync(), new Array(32).fill(1))).toBeLessThan(2e-6);
    }
    const cosines = net.score(frames, features);
    const values = [...cosines.dataSync()];
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    const loss = binaryCrossEntropy(cosines, tf.tensor1d(values.map((_, row) => row % 2))).dataSync()[0];
    expect(loss).toBeGreaterThan(0.7);
    expect(loss).toBeLessThan(0.8);
    net.dispose();
  });

  test('has first weights that depend on the seed only', async () => {
    const first = async (seed: number) => {
      const net = new AVAlignNet(SMALL, { seed });
      const data = (await net.stateDict()).get('visual_encoder.conv_in.weight')?.data as Float32Array;
      net.dispose();
      return data;
    };
    expect(await first(1)).toEqual(await first(1));
    expect(await first(1)).not.toEqual(await first(2));
  });

  test('embeds each row independently of the others', () => {
    const net = new AVAlignNet(SMALL, { seed: 1 });
    const frames = random(1, [3, 32, 32, 15]);
    const alone = net.encodeVisual(tf.slice(frames, [1, 0, 0, 0], [1, -1, -1, -1]));
    const together = tf.slice(net.encodeVisual(frames), [1, 0], [1, -1]);
    // measured 4.1e-7: a batch of another size takes other blocks of the matrix product
    expect(largestDifference(alone.dataSync(), together.dataSync())).toBeLessThan(2e-6);
    net.dispose();
  });

  test('is in evaluation mode when new; dropout acts in training mode only', () => {
    const config = { ...SMALL, audio_encoder: { ...SMALL.audio_encoder, dropout: 0.5 } };
    const net = new AVAlignNet(config, { seed: 1 });
    expect(net.training).toBe(false);
    const features = random(2, [2, 80, 16, 1], 4);
    const twice = () => largestDifference(net.encodeAudio(features).dataSync(), net.encodeAudio(features).dataSync());
    expect(twice()).toBe(0);
    net.train();
    expect(twice()).toBeGreaterThan(0.01);
    net.dispose();
  });

  test('refuses input of another shape or dtype before anything is computed', () => {
    const net = new AVAlignNet(SMALL, { seed: 1 });
    const before = tensors();
    tf.tidy(() => {
      expect(() => net.encodeVisual(tf.zeros([2, 32, 32, 12]))).toThrow(
        new TypeError('AVAlignNet.encodeVisual: frames must be of shape [batch, 32, 32, 15], got [2, 32, 32, 12]'),
      );
      expect(() => net.encodeAudio(tf.zeros([2, 16, 80, 1]))).toThrow(
        'AVAlignNet.encodeAudio: features must be of shape [batch, 80, 16, 1], got [2, 16, 80, 1]',
      );
      expect(() => net.encodeVisual(tf.zeros([1, 32, 32, 15], 'int32'))).toThrow('frames must be float32, got int32');
      expect(() => net.encodeVisual(tf.zeros([0, 32, 32, 15]))).toThrow('got [0, 32, 32, 15]');
      expect(() => net.score(tf.zeros([2, 32, 32, 15]), tf.zeros([3, 80, 16, 1]))).toThrow('pairCosine');
    });
    expect(tensors()).toBe(before);
    net.dispose();
  });

  test('leaves only its results, and nothing after dispose, which may be called twice', () => {
    const [frames, features] = [random(8, [2, 32, 32, 15]), random(9, [2, 80, 16, 1])];
    const before = tensors();
    const net = new AVAlignNet(SMALL, { seed: 1 });
    expect(tensors()).toBe(before + parameterShapes(SMALL).size);
    const own = tensors();
    for (let round = 0; round < 3; round++)
      tf.dispose([net.encodeVisual(frames), net.encodeAudio(features), net.score(frames, features)]);
    expect(tensors()).toBe(own);
    net.dispose();
    net.dispose();
    expect(tensors()).toBe(before);
    expect(() => net.encodeVisual(frames)).toThrow('in use');
  });

  test('takes rectangular frames', () => {
    const config: AVAlignNetConfig = {
      ...SMALL,
      visual_encoder: { ...SMALL.visual_encoder, downsample_factors: [[2, 4], 4, 4] },
      input: { ...SMALL.input, height: 32, width: 64 },
    };
    const net = new AVAlignNet(config, { seed: 1 });
    expect(net.encodeVisual(random(1, [1, 32, 64, 15])).shape).toEqual([1, 256]);
    expect(() => new AVAlignNet(config, { seed: 1, recipe: RECIPE })).toThrow(
      'AVAlignNet: recipe.crop: columns must be 64, as in the configuration, got 32',
    );
    net.dispose();
  });

  test('keeps its recipe, and refuses one of another size', () => {
    const net = new AVAlignNet(SMALL, { seed: 1, recipe: RECIPE });
    expect(net.recipe).toEqual(RECIPE);
    expect([net.name, net.space, net.embeddingSize, net.hasRecipe]).toEqual(['AVAlignNet', 'unit', 256, true]);
    net.dispose();
    const bare = new AVAlignNet(SMALL, { seed: 1 });
    expect(bare.hasRecipe).toBe(false);
    expect(() => bare.recipe).toThrow('AVAlignNet.recipe: the network must be built or loaded with a recipe, got none');
    bare.dispose();
    expect(() => new AVAlignNet(SMALL, { seed: 1, recipe: { ...RECIPE, featureSteps: 32 } })).toThrow(
      'AVAlignNet: recipe.featureSteps must be 16, as in the configuration, got 32',
    );
  });

  test('refuses a configuration that does not end at 1x1, and makes no tensor', () => {
    const before = tensors();
    const config = thesis({ frameCount: 5, size: 64 });
    expect(
      () => new AVAlignNet({ ...config, input: { ...config.input, height: 128, width: 128 } }, { seed: 1 }),
    ).toThrow(
      'AVAlignNet: visual tower must end at 1x1, got 128x128 -> 64x64 -> 32x32 -> 16x16 -> 16x16 -> 8x8 -> 4x4 -> 2x2',
    );
    expect(tensors()).toBe(before);
  });
});
