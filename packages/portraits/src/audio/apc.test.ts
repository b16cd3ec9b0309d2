import { selectBackend } from '@lipsync/backends';
import { encodeSafetensors } from '@lipsync/checkpoints';
import { AdamW, disposeGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { formulaNumbers } from '../../../../tests/support/formula-weights';
import { compareGradients, fillMade, type Shares, shareOff } from '../testing/network-case';
import { made, readFixture, relativeDifference } from '../testing/torch-numbers';
import { APC, Apc, loadApc, saveApc } from './apc';
import { SpeechFeatureStream, speechFeatures } from './speech-features';

const fixture = readFixture<{
  features: Shares;
  loss: number;
  gradients: Record<string, Shares>;
  dMel: Shares;
  published: [string, number[]][];
}>('apc');
const file = new URL('../../fixtures/apc.pth', import.meta.url);
const small = { melBins: 6, hiddenSize: 8, layers: 3 };

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('Apc has PyTorch’s features, loss and gradients', async () => {
  const apc = new Apc(small, { seed: 0, predicts: true });
  await fillMade(apc);
  const mel = made<tf.Tensor3D>('mel', [2, 9, 6]);
  const features = apc.forward(mel);
  expect(shareOff(features.dataSync(), fixture.features)).toBeLessThan(1e-6); // float32 rounding
  const loss = (mel: tf.Tensor) => apc.loss(mel as tf.Tensor3D);
  const compared = compareGradients(apc, loss, { inputs: [[mel, fixture.dMel]], gradients: fixture.gradients });
  expect(compared.loss).toBeCloseTo(fixture.loss, 6);
  expect(compared.worst, compared.name).toBeLessThan(5e-6); // measured 4.4e-7
  tf.dispose([mel, features]);
  apc.dispose();
});

test('Apc at full size has the published names and shapes', async () => {
  const apc = new Apc(APC, { seed: 0, predicts: true });
  expect([...(await apc.stateDict())].map(([name, { shape }]) => [name, shape])).toEqual(fixture.published);
  apc.dispose();
});

test('loadApc reads a file of torch.save without its linear layer, and what saveApc writes', async () => {
  const apc = await loadApc(file);
  expect(apc.config).toEqual({ melBins: 80, hiddenSize: 4, layers: 2 });
  expect(apc.weightsHash).toMatch(/^[0-9a-f]{64}$/);
  const again = await loadApc(await saveApc(apc));
  expect(again.config).toEqual(apc.config);
  expect(await again.stateDict()).toEqual(await apc.stateDict());
  apc.dispose();
  again.dispose();
  const other = encodeSafetensors(new Map([['fc.bias', { dtype: 'float32', shape: [1], data: new Float32Array(1) }]]));
  await expect(loadApc(other)).rejects.toThrow(
    'loadApc: the file must be one with the parameters of an APC encoder, got 1 names, fc.bias, …',
  );
});

test('SpeechFeatureStream gives the features of the whole clip, two for each video frame of 1/60 s', async () => {
  const apc = await loadApc(file);
  const samples = formulaNumbers('audio', 20_011, -0.3, 0.3);
  const whole = await speechFeatures(apc, { samples, sampleRate: 16000 });
  expect([whole.steps, whole.bins]).toEqual([150, 4]);
  const before = tf.memory().numTensors;
  const stream = new SpeechFeatureStream(apc);
  const parts: number[] = [];
  for (const [from, to] of [
    [0, 100],
    [100, 7000],
    [7000, 7001],
    [7001, 20_011],
  ]) {
    parts.push(...(await stream.push(samples.subarray(from, to))).data);
  }
  parts.push(...(await stream.end()).data);
  expect(relativeDifference(parts, whole.data)).toBeLessThan(1e-6); // measured 2e-7
  stream.dispose();
  stream.dispose();
  expect(tf.memory().numTensors).toBe(before);
  expect((await speechFeatures(apc, { samples: new Float32Array(100), sampleRate: 16000 })).steps).toBe(0);
  apc.dispose();
});

test('Apc learns to predict a rhythm', async () => {
  const apc = new Apc({ melBins: 2, hiddenSize: 8, layers: 2 }, { seed: 1, predicts: true });
  const mel = tf.tensor3d(
    Float32Array.from({ length: 60 }, (_, i) => Math.sin((i >> 1) * 0.8 + (i & 1))),
    [1, 30, 2],
  );
  const optimizer = new AdamW(apc.namedParameters(), { learningRate: 2e-2, weightDecay: 0 });
  const losses: number[] = [];
  for (let step = 0; step < 40; step++) {
    const { value, gradients } = valueAndGradients(apc, () => apc.loss(mel));
    optimizer.step(gradients);
    losses.push((await value.data())[0]);
    value.dispose();
    disposeGradients(gradients);
  }
  expect(losses[39]).toBeLessThan(losses[0] / 2); // measured a fifth
  optimizer.dispose();
  apc.dispose();
  mel.dispose();
});

test('Apc refuses what does not fit', () => {
  expect(() => new Apc({ ...small, layers: 0 }, { seed: 0 })).toThrow(
    'Apc: config.layers must be a whole number from 1, got 0',
  );
  const apc = new Apc(small, { seed: 0 });
  const mel = tf.zeros<tf.Rank.R3>([1, 3, 6]);
  expect(() => apc.loss(mel)).toThrow('Apc.loss: this network must be one with options.predicts, got one without');
  const predicting = new Apc(small, { seed: 0, predicts: true });
  expect(() => predicting.loss(mel)).toThrow('stepsAhead must be a whole number from 1 to 2, of 3 steps, got 3');
  expect(() => new SpeechFeatureStream(apc)).toThrow('SpeechFeatureStream: apc.config.melBins must be 80, got 6');
  expect(() => apc.forward(tf.zeros([1, 3, 5]))).toThrow('Gru.forward: x must be of shape [batch, time, 6]');
  for (const each of [apc, predicting, mel]) each.dispose();
});
