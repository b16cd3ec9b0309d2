import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { HeadPoseNetwork } from '../motion/head-pose-network';
import { made } from '../testing/torch-numbers';
import { drawWindows, PortraitTrainer } from './portrait-trainer';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

/** Sets every weight to 0. */
function forget(net: HeadPoseNetwork): void {
  tf.tidy(() => {
    for (const { variable } of net.namedParameters().values()) variable.assign(tf.zerosLike(variable));
  });
}

test('PortraitTrainer continues from its state with the same bits, dropout and running statistics included', async () => {
  const sizes = { featureSize: 3, poseSize: 2, channels: 3, skipChannels: 4, blocks: 1, layers: 2, lookAhead: 1 };
  const [poses, features] = [made<tf.Tensor3D>('poses', [1, 12, 2]), made<tf.Tensor3D>('features', [1, 24, 3])];
  const run = async (from?: Awaited<ReturnType<PortraitTrainer['state']>>) => {
    const net = new HeadPoseNetwork(sizes, { seed: 1 });
    if (from) forget(net);
    const trainer = new PortraitTrainer(net, { learningRate: 1e-2 });
    if (from) trainer.loadState(from);
    const states = [];
    while (trainer.stepCount < 4) {
      await trainer.step(() => net.loss(poses, features));
      states.push(await trainer.state());
    }
    trainer.dispose();
    net.dispose();
    return states;
  };
  const whole = await run();
  const continued = await run(whole[1]);
  expect(continued).toEqual(whole.slice(2));
  expect(whole[3].model).not.toEqual(whole[2].model);
  tf.dispose([poses, features]);
});

test('PortraitTrainer refuses a loss that is not finite, and keeps the weights', async () => {
  const sizes = { featureSize: 3, poseSize: 2, channels: 3, skipChannels: 4, blocks: 1, layers: 2, lookAhead: 1 };
  const net = new HeadPoseNetwork(sizes, { seed: 1 });
  const trainer = new PortraitTrainer(net);
  const [poses, features] = [made<tf.Tensor3D>('poses', [1, 12, 2]), made<tf.Tensor3D>('features', [1, 24, 3])];
  const before = (await net.stateDict()).get('WaveNet.end_conv_2.weight');
  const tensors = tf.memory().numTensors;
  await expect(trainer.step(() => tf.mul(net.loss(poses, features), Number.POSITIVE_INFINITY))).rejects.toThrow(
    'PortraitTrainer.step: the loss must be finite, got Infinity',
  );
  expect(tf.memory().numTensors).toBe(tensors);
  expect((await net.stateDict()).get('WaveNet.end_conv_2.weight')).toEqual(before);
  trainer.dispose();
  net.dispose();
  tf.dispose([poses, features]);
});

test('drawWindows depends on seed and step, covers every place, and leaves out short clips', () => {
  const options = { frames: 4, batch: 3000, seed: 5, step: 0 };
  const windows = drawWindows([6, 2, 4], options);
  expect(windows).toEqual(drawWindows([6, 2, 4], options));
  expect(windows).not.toEqual(drawWindows([6, 2, 4], { ...options, step: 1 }));
  const counts = new Map<string, number>();
  for (const { clip, first } of windows) counts.set(`${clip} ${first}`, (counts.get(`${clip} ${first}`) ?? 0) + 1);
  expect([...counts.keys()].sort()).toEqual(['0 0', '0 1', '0 2', '2 0']);
  for (const count of counts.values()) expect(Math.abs(count - 750)).toBeLessThan(120); // five deviations
  expect(() => drawWindows([3], options)).toThrow('frameCounts must be of a clip of at least 4 frames, got [3]');
});
