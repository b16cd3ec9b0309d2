import { selectBackend } from '@lipsync/backends';
import { AdamW, disposeGradients, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { compareGradients, fillMade, type Shares, shareOff } from '../testing/network-case';
import { made, numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { loadMouthNetwork, MOUTH, MouthNetwork, saveMouthNetwork } from './mouth-network';
import { MouthStream, mouthMotion } from './mouth-stream';

const fixture = readFixture<{
  training: {
    loss: number;
    gradients: Record<string, Shares>;
    dFeatures: Shares;
    running: Record<string, Shares>;
  };
  output: Shares;
  published: [string, number[]][];
  count: number;
}>('mouth');
const file = new URL('../../fixtures/mouth.pth', import.meta.url);
const SMALL = { featureSize: 6, hiddenSize: 5, layers: 3, endSize: 7, outputs: 9, lookAhead: 4 };
const features = { data: numbers('features', [2, 24, 6]).slice(0, 144), steps: 24, bins: 6 };

async function makeSmall(): Promise<MouthNetwork> {
  const net = new MouthNetwork(SMALL, { seed: 0 });
  await fillMade(net);
  return net;
}

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('MouthNetwork has PyTorch’s loss, gradients and running statistics in training mode', async () => {
  const net = await makeSmall();
  const [x, targets] = [made<tf.Tensor3D>('features', [2, 24, 6]), made<tf.Tensor3D>('targets', [2, 12, 9])];
  const { loss, gradients, dFeatures, running } = fixture.training;
  const compared = compareGradients(net, (x) => net.loss(x as tf.Tensor3D, targets), {
    inputs: [[x, dFeatures]],
    gradients,
  });
  expect(Math.abs(compared.loss / loss - 1)).toBeLessThan(1e-6);
  expect(compared.worst, compared.name).toBeLessThan(1e-4); // float32 through three normalisations of few rows; measured 1e-5
  const state = await net.stateDict();
  for (const [name, shares] of Object.entries(running)) {
    expect(shareOff(state.get(name)!.data as Float32Array, shares), name).toBeLessThan(1e-6);
  }
  tf.dispose([x, targets]);
  net.dispose();
});

test('mouthMotion repeats the last features and drops the first outputs, as the reference; a stream gives the same', async () => {
  const net = (await makeSmall()).eval();
  const whole = await mouthMotion(net, features);
  expect(whole.length).toBe(12 * 9);
  expect(shareOff(whole, fixture.output)).toBeLessThan(3e-6); // float32 against float64, measured 6e-7
  const before = tf.memory().numTensors;
  const stream = new MouthStream(net);
  const parts: number[] = [];
  for (const [from, to] of [
    [0, 1],
    [1, 9],
    [9, 10],
    [10, 24],
  ]) {
    const data = features.data.slice(from * 6, to * 6);
    parts.push(...(await stream.push({ data, steps: to - from, bins: 6 })));
  }
  expect(parts.length).toBe(8 * 9); // four frames wait for what comes
  parts.push(...(await stream.end()));
  expect(relativeDifference(parts, whole)).toBeLessThan(1e-6);
  stream.dispose();
  expect(tf.memory().numTensors).toBe(before);
  net.dispose();
});

test('MouthNetwork at full size has the published names and shapes', async () => {
  const net = new MouthNetwork(MOUTH, { seed: 0 });
  const own = [...(await net.stateDict())].map(([name, { shape }]): [string, number[]] => [name, [...shape]]);
  expect(own.sort()).toEqual([...fixture.published].sort());
  expect(net.parameterCount()).toBe(fixture.count);
  net.dispose();
});

test('loadMouthNetwork reads a file of torch.save, and what saveMouthNetwork writes', async () => {
  const net = await loadMouthNetwork(file);
  expect(net.config).toEqual({ featureSize: 2, hiddenSize: 3, layers: 3, endSize: 4, outputs: 6, lookAhead: 18 });
  expect(net.training).toBe(false);
  const small = await makeSmall();
  const again = await loadMouthNetwork(await saveMouthNetwork(small));
  expect(again.config).toEqual(SMALL);
  expect(await again.stateDict()).toEqual(await small.stateDict());
  for (const each of [net, small, again]) each.dispose();
});

test('MouthNetwork learns to follow its features', async () => {
  const net = new MouthNetwork({ ...SMALL, layers: 1, outputs: 1, lookAhead: 2 }, { seed: 3 });
  const x = made<tf.Tensor3D>('speech', [2, 40, 6]);
  const targets = tf.tidy(() => tf.slice3d(tf.reshape(x, [2, 20, 12]), [0, 0, 0], [2, 20, 1]));
  const optimizer = new AdamW(net.namedParameters(), { learningRate: 3e-2, weightDecay: 0 });
  const losses: number[] = [];
  for (let step = 0; step < 15; step++) {
    const { value, gradients } = valueAndGradients(net, () => net.loss(x, targets));
    optimizer.step(gradients);
    losses.push((await value.data())[0]);
    value.dispose();
    disposeGradients(gradients);
  }
  expect(losses[14]).toBeLessThan(losses[0] / 2);
  optimizer.dispose();
  net.dispose();
  tf.dispose([x, targets]);
});

test('MouthNetwork and MouthStream refuse what does not fit', async () => {
  expect(() => new MouthNetwork({ ...SMALL, lookAhead: -1 }, { seed: 0 })).toThrow(
    'MouthNetwork: config.lookAhead must be a whole number from 0, got -1',
  );
  const net = await makeSmall();
  const x = tf.zeros<tf.Rank.R3>([1, 5, 6]);
  expect(() => net.forward(x)).toThrow('features must be of shape [batch, 2 · frames, 6] with at least one frame');
  expect(() => net.loss(x, x)).toThrow('MouthNetwork.loss: targets must be of shape [1, 2.5, 9]');
  expect(() => new MouthStream(net)).toThrow('net must be in evaluation mode (call eval()), got one in training mode');
  const stream = new MouthStream(net.eval());
  await stream.push({ data: new Float32Array(18), steps: 3, bins: 6 });
  expect(() => stream.push({ data: new Float32Array(5), steps: 1, bins: 5 })).toThrow('features.bins must be 6, got 5');
  expect(() => stream.end()).toThrow('MouthStream.end: features must be two for each video frame, got an odd number');
  expect(() => stream.end()).toThrow('MouthStream.end: stream must be open, got one that has ended');
  stream.dispose();
  net.dispose();
  x.dispose();
});
