import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { fillMade, type Shares, shareOff } from '../testing/network-case';
import { made, readFixture } from '../testing/torch-numbers';
import { PortraitDiscriminator } from './discriminator';
import { PortraitRenderer } from './renderer';
import { RendererTrainer } from './renderer-trainer';

const fixture = readFixture<{
  training: {
    steps: Record<'discriminator' | 'total' | 'gan' | 'colour' | 'featureMatching', number>[];
    running: Record<string, Shares>;
  };
}>('renderer').training;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

async function setUp() {
  const renderer = new PortraitRenderer(
    { size: 32, levels: 5, channels: 2, inputs: 4, residualBlocks: 1 },
    { seed: 0 },
  );
  const discriminator = new PortraitDiscriminator({ inputs: 7, channels: 3, layers: 2, scales: 2, seed: 0 });
  await fillMade(renderer);
  await fillMade(discriminator);
  return { renderer, discriminator };
}

test('RendererTrainer has PyTorch’s losses in three steps, and continues from its state with the same bits', async () => {
  const [input, real] = [made<tf.Tensor4D>('input', [2, 32, 32, 4]), made<tf.Tensor4D>('real', [2, 32, 32, 3])];
  const nets = await setUp();
  const trainer = new RendererTrainer({ ...nets, learningRate: 1e-3 });
  let after: Awaited<ReturnType<RendererTrainer['state']>> | undefined;
  let off = 0;
  for (const expected of fixture.steps) {
    if (trainer.stepCount === 2) after = await trainer.state();
    const before = tf.memory().numTensors;
    const report = await trainer.step(input, real);
    expect(tf.memory().numTensors).toBe(before);
    for (const [name, value] of Object.entries(expected)) {
      off = Math.max(off, Math.abs(report[name as keyof typeof expected]! / value - 1));
    }
  }
  // Adam's first steps go by the signs of slopes, which rounding may change where they are small
  expect(off).toBeLessThan(1e-3); // measured 1.8e-5
  const state = await nets.renderer.stateDict();
  const running = Object.entries(fixture.running).map(([name, shares]) =>
    shareOff(state.get(name)!.data as Float32Array, shares),
  );
  expect(Math.max(...running)).toBeLessThan(1e-2); // measured 3e-4

  const other = await setUp();
  const continued = new RendererTrainer({ ...other, learningRate: 1e-3 });
  continued.loadState(after!);
  await continued.step(input, real);
  expect(await continued.state()).toEqual(await trainer.state());
  for (const each of [trainer, continued, ...Object.values(nets), ...Object.values(other)]) each.dispose();
  tf.dispose([input, real]);
});

test('RendererTrainer refuses weights out of range', async () => {
  const nets = await setUp();
  expect(() => new RendererTrainer({ ...nets, weights: { gan: -1 } })).toThrow(
    'RendererTrainer: weights.gan must be a finite number from 0, got -1',
  );
  for (const each of Object.values(nets)) each.dispose();
});
