import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { lipganContrastiveLoss, qualityDiscriminatorLoss, qualityGeneratorLoss } from '../losses/adversarial-loss';
import { compareGradients, difference, fillMade, images, mel, REFERENCE } from '../testing/torch-numbers';
import { LipGanDiscriminator } from './lipgan-discriminator';
import { Wav2LipDiscriminator } from './quality-discriminator';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('the quality discriminator has PyTorch’s scores, losses and gradients', async () => {
  const { width, size, n, scores, discriminator, generator, gradients, dx } = REFERENCE.quality;
  const net = new Wav2LipDiscriminator({ width, size, seed: 0 });
  await fillMade(net);
  const [real, made] = [images('real', n, size), images('made', n, size)];
  const largest = Math.max(...scores.map(Math.abs));
  net
    .forward(made)
    .dataSync()
    .forEach((score, i) => {
      expect(Math.abs(score - scores[i])).toBeLessThan(1e-5 * largest); // measured 3e-6
    });
  const loss = (faces: tf.Tensor) => qualityDiscriminatorLoss(net.forward(real), net.forward(faces as tf.Tensor4D));
  const ours = compareGradients(net, (faces) => loss(faces ?? made), {}, gradients);
  expect(ours.wrong).toEqual({});
  expect(ours.loss).toBeCloseTo(discriminator, 5);
  const theirs = tf.valueAndGrad((faces) => qualityGeneratorLoss(net.forward(faces as tf.Tensor4D)))(made);
  expect(theirs.value.dataSync()[0]).toBeCloseTo(generator, 5);
  expect(difference(theirs.grad.dataSync(), dx)).toBeLessThan(1e-4 * dx.largest); // measured 1e-5
  net.dispose();
});

test('at full width it has the published names, shapes and 14,113,793 parameters', async () => {
  const net = new Wav2LipDiscriminator({ seed: 0 });
  const shapes = [...(await net.stateDict())].map(([name, { shape }]) => [name, shape]);
  expect(shapes.sort()).toEqual([...REFERENCE.shapes.quality].sort());
  expect(net.parameterCount()).toBe(14_113_793);
  expect(REFERENCE.counts.quality).toBe(14_113_793);
  net.dispose();
});

test('the upper half of a face changes no score', () => {
  const net = new Wav2LipDiscriminator({ width: 1 / 32, size: 32, seed: 0 });
  const faces = images('face', 1, 32);
  const half = tf.tidy(() => tf.mul(faces, tf.concat([tf.zeros([1, 16, 32, 3]), tf.ones([1, 16, 32, 3])], 1)));
  expect([...net.forward(half as tf.Tensor4D).dataSync()]).toEqual([...net.forward(faces).dataSync()]);
  net.dispose();
});

test('LipGAN’s discriminator has PyTorch’s distances, contrastive loss and gradients', async () => {
  const { draw, width, size, n, near, far, loss, gradients, dx } = REFERENCE.joint;
  const net = new LipGanDiscriminator({ width, size, seed: 0 });
  const state = await fillMade(net);
  const [faces, own, other] = [images(`faces ${draw}`, n, size), mel(`mel ${draw}`, n), mel(`other ${draw}`, n)];
  for (const [audio, distances] of [
    [own, near],
    [other, far],
  ] as const) {
    net
      .forward(faces, audio)
      .dataSync()
      .forEach((distance, i) => {
        expect(Math.abs(distance - distances[i])).toBeLessThan(1e-5); // measured 5.8e-6
      });
  }
  net.loadStateDict(state);
  const contrast = (shown: tf.Tensor) => {
    const of = (audio: tf.Tensor3D) => net.forward(shown as tf.Tensor4D, audio);
    return tf.add<tf.Scalar>(
      lipganContrastiveLoss(of(own), 'in sync'),
      lipganContrastiveLoss(of(other), 'out of sync'),
    );
  };
  const compared = compareGradients(net, contrast, { faces: [faces, dx] }, gradients);
  expect(compared.wrong).toEqual({});
  expect(compared.loss).toBeCloseTo(loss, 4); // measured 7e-6
  net.dispose();
});

test('the width scales its 10,981,376 parameters, and bad options are refused', () => {
  const net = new LipGanDiscriminator({ seed: 0 });
  expect(net.parameterCount()).toBe(REFERENCE.counts.joint);
  expect(REFERENCE.counts.joint).toBe(10_981_376);
  net.dispose();
  expect(() => new LipGanDiscriminator({ width: 0, seed: 0 })).toThrow('LipGanDiscriminator: width must be');
  expect(() => new LipGanDiscriminator({ size: 40, seed: 0 })).toThrow('size must be a multiple of 32 pixels, got 40');
  expect(() => new Wav2LipDiscriminator({ width: Number.NaN, seed: 0 })).toThrow('Wav2LipDiscriminator: width must be');
  const small = new LipGanDiscriminator({ width: 1 / 32, size: 32, seed: 0 }).eval();
  expect(() => small.forward(tf.zeros([2, 32, 32, 3]), tf.zeros([1, 80, 16]))).toThrow(
    'audio must be of shape [2, 80, 16], got [1, 80, 16]',
  );
  small.dispose();
});
