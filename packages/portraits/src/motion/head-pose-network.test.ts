import { selectBackend } from '@lipsync/backends';
import { AdamW, disposeGradients, Random, setDropoutStep, valueAndGradients } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { compareGradients, fillMade, type Shares, shareOff } from '../testing/network-case';
import { made, numbers, readFixture, relativeDifference } from '../testing/torch-numbers';
import { HEAD_POSE, HeadPoseNetwork, loadHeadPoseNetwork, saveHeadPoseNetwork } from './head-pose-network';
import { HeadPoseStream, sampleHeadPoses } from './head-pose-stream';

const fixture = readFixture<{
  field: number;
  training: { loss: number; gradients: Record<string, Shares>; dPoses: Shares; dFeatures: Shares };
  output: Shares;
  sampled: Record<string, Shares>;
  published: [string, number[]][];
  normal: [number, number];
}>('head-pose');
const file = new URL('../../fixtures/head-pose.pth', import.meta.url);
const SMALL = { featureSize: 5, poseSize: 4, channels: 6, skipChannels: 7, blocks: 2, layers: 3, lookAhead: 3 };
const long = { data: numbers('long', [80, 5]), steps: 80, bins: 5 };

async function makeSmall(): Promise<HeadPoseNetwork> {
  const net = new HeadPoseNetwork(SMALL, { seed: 0, dropout: 0 });
  await fillMade(net);
  return net;
}

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test('HeadPoseNetwork has PyTorch’s output, loss and gradients', async () => {
  const net = await makeSmall();
  const [poses, features] = [made<tf.Tensor3D>('history', [2, 21, 4]), made<tf.Tensor3D>('features', [2, 42, 5])];
  expect(net.receptiveField).toBe(fixture.field);
  const { loss, gradients, dPoses, dFeatures } = fixture.training;
  const compared = compareGradients(net, (p, f) => net.loss(p as tf.Tensor3D, f as tf.Tensor3D), {
    inputs: [
      [poses, dPoses],
      [features, dFeatures],
    ],
    gradients,
  });
  expect(Math.abs(compared.loss / loss - 1)).toBeLessThan(1e-6);
  expect(compared.worst, compared.name).toBeLessThan(1e-4); // measured 3.3e-6
  await fillMade(net.eval());
  const output = net.forward(poses, features);
  expect(shareOff(output.dataSync(), fixture.output)).toBeLessThan(1e-6);
  tf.dispose([poses, features, output]);
  net.dispose();
});

test('the random numbers of the reference are those of Random', () => {
  expect(new Random(7, 3).normal()).toBeCloseTo(fixture.normal[0], 12);
  expect(new Random(2 ** 40, 0).normal()).toBeCloseTo(fixture.normal[1], 12);
});

test.each(['0', '0.3', '1'])('sampleHeadPoses draws PyTorch’s poses with sigma scale %s', async (scale) => {
  const net = (await makeSmall()).eval();
  const state = await net.stateDict();
  for (const name of ['weight', 'bias']) {
    const { data } = state.get(`WaveNet.end_conv_2.${name}`)!;
    (data as Float32Array).forEach((value, i) => (data[i] = value / 4)); // as the reference
  }
  net.loadStateDict(state);
  const poses = await sampleHeadPoses(net, long, { seed: 7, sigmaScale: Number(scale) });
  expect(poses.length).toBe(37 * 4);
  expect(shareOff(poses, fixture.sampled[scale])).toBeLessThan(1e-5); // measured 3e-7
  net.dispose();
});

test('HeadPoseStream in pieces gives the same motion, and leaves no tensor', async () => {
  const net = (await makeSmall()).eval();
  const whole = await sampleHeadPoses(net, long, { seed: 7 });
  expect(await sampleHeadPoses(net, long, { seed: 7 })).toEqual(whole);
  expect(await sampleHeadPoses(net, long, { seed: 8 })).not.toEqual(whole);
  const before = tf.memory().numTensors;
  const stream = await HeadPoseStream.open(net, { seed: 7 });
  const parts: number[] = [];
  for (const [from, to] of [
    [0, 1],
    [1, 7],
    [7, 50],
    [50, 80],
  ]) {
    parts.push(...(await stream.push({ data: long.data.slice(from * 5, to * 5), steps: to - from, bins: 5 })));
  }
  expect(relativeDifference(parts, whole)).toBeLessThan(1e-6);
  expect(tf.memory().numTensors).toBe(before);
  net.dispose();
});

test('HeadPoseNetwork at full size has the published names, shapes and receptive field', async () => {
  const net = new HeadPoseNetwork(HEAD_POSE, { seed: 0 });
  const own = [...(await net.stateDict())].map(([name, { shape }]): [string, number[]] => [name, [...shape]]);
  expect(own.sort()).toEqual([...fixture.published].sort());
  expect(net.receptiveField).toBe(255);
  net.dispose();
});

test('loadHeadPoseNetwork reads a file of torch.save, and what saveHeadPoseNetwork writes', async () => {
  const net = await loadHeadPoseNetwork(file);
  const sizes = { featureSize: 2, poseSize: 4, channels: 3, skipChannels: 4, blocks: 2, layers: 2, lookAhead: 15 };
  expect(net.config).toEqual(sizes);
  const small = await makeSmall();
  const again = await loadHeadPoseNetwork(await saveHeadPoseNetwork(small));
  expect(again.config).toEqual(SMALL);
  expect(await again.stateDict()).toEqual(await small.stateDict());
  for (const each of [net, small, again]) each.dispose();
});

test('HeadPoseNetwork learns a motion, dropping the same values of past poses in the same step', async () => {
  const net = new HeadPoseNetwork({ ...SMALL, blocks: 1, layers: 2, lookAhead: 1 }, { seed: 3 });
  const poses = tf.tensor3d(
    Float32Array.from({ length: 160 }, (_, i) => Math.sin(0.3 * (i >> 2) + (i & 3))),
    [1, 40, 4],
  );
  const features = made<tf.Tensor3D>('speech', [1, 80, 5]);
  const dropped = (step: number) => {
    setDropoutStep(net, step);
    return tf.tidy(() => net.loss(poses, features).dataSync()[0]);
  };
  expect(dropped(4)).toBe(dropped(4));
  expect(dropped(4)).not.toBe(dropped(5));
  const optimizer = new AdamW(net.namedParameters(), { learningRate: 1e-2, weightDecay: 0 });
  const before = dropped(99);
  for (let step = 0; step < 16; step++) {
    setDropoutStep(net, step);
    const { value, gradients } = valueAndGradients(net, () => net.loss(poses, features));
    optimizer.step(gradients);
    value.dispose();
    disposeGradients(gradients);
  }
  expect(dropped(99)).toBeLessThan(before - 0.05);
  optimizer.dispose();
  net.dispose();
  tf.dispose([poses, features]);
});

test('HeadPoseNetwork and HeadPoseStream refuse what does not fit', async () => {
  expect(() => new HeadPoseNetwork({ ...SMALL, blocks: 0 }, { seed: 0 })).toThrow('config.blocks must be a whole');
  const net = await makeSmall();
  const [poses, features] = [tf.zeros<tf.Rank.R3>([1, 18, 4]), tf.zeros<tf.Rank.R3>([1, 36, 5])];
  expect(() => net.loss(poses, features)).toThrow('poses must be of shape [batch, frames, 4] with at least 19 frames');
  expect(() => net.forward(poses, tf.zeros([1, 34, 5]))).toThrow('history must be of shape [1, 17, 4]');
  await expect(HeadPoseStream.open(net, { seed: 1 })).rejects.toThrow('HeadPoseStream.open: net must be in evaluation');
  net.eval();
  await expect(HeadPoseStream.open(net, { seed: 1, sigmaScale: -1 })).rejects.toThrow('options.sigmaScale must be');
  await expect(HeadPoseStream.open(net, { seed: 0.5 })).rejects.toThrow('options.seed must be an integer, got 0.5');
  await expect(HeadPoseStream.open(net, { seed: 1, firstPose: [0] })).rejects.toThrow('options.firstPose must be of 4');
  const stream = await HeadPoseStream.open(net, { seed: 1 });
  await expect(stream.push({ data: new Float32Array(4), steps: 1, bins: 4 })).rejects.toThrow(
    'features.bins must be 5',
  );
  net.dispose();
  tf.dispose([poses, features]);
});
