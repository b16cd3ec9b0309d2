import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareGradients, fillMade, type Shares, shareOff, weighted } from '../testing/network-case';
import { made, readFixture } from '../testing/torch-numbers';
import { loadRenderer, PortraitRenderer, RENDERER, RENDERER_128, type RendererConfig, saveRenderer } from './renderer';

type Case = {
  name: string;
  config: RendererConfig;
  training: boolean;
  batch: number;
  output: Shares;
  loss: number;
  gradients: Record<string, Shares>;
  dx: Shares;
};
const { cases, published, counts } = readFixture<{
  cases: Case[];
  published: [string, number[]][];
  counts: Record<'128', number>;
}>('renderer');
const file = new URL('../../fixtures/renderer.pth', import.meta.url);
const SMALL = { size: 32, levels: 5, channels: 1, inputs: 4, residualBlocks: 1 };

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

test.each(cases.map((each) => [each.name, each] as const))(
  'PortraitRenderer has PyTorch’s frames, loss and gradients: %s',
  async (_, { config, training, batch, output, loss, gradients, dx }) => {
    const net = new PortraitRenderer(config, { seed: 0 }).train(training);
    await fillMade(net);
    const x = made<tf.Tensor4D>('input', [batch, config.size, config.size, config.inputs]);
    const frames = net.forward(x);
    expect(shareOff(frames.dataSync(), output)).toBeLessThan(1e-4); // float32 through 20 norms: measured 6e-5, in use 7e-6
    await fillMade(net);
    const run = (x: tf.Tensor) => tf.mul(weighted(net.forward(x as tf.Tensor4D)), 1000) as tf.Scalar;
    const compared = compareGradients(net, run, { inputs: [[x, dx]], gradients });
    expect(Math.abs(compared.loss - loss)).toBeLessThan(1e-4);
    expect(compared.worst, compared.name).toBeLessThan(1e-3); // measured 6e-5
    tf.dispose([x, frames]);
    net.dispose();
  },
);

test('the configurations have PyTorch’s number of parameters, and the published names', async () => {
  const small = new PortraitRenderer(RENDERER_128, { seed: 0 });
  expect(small.parameterCount()).toBe(counts['128']);
  small.dispose();
  // the published names at a fraction of the channels, since 76 million parameters take seconds to draw
  const net = new PortraitRenderer({ ...RENDERER, channels: 1 }, { seed: 0 });
  const names = [...(await net.stateDict()).keys()];
  expect(names.sort()).toEqual(published.map(([name]) => name).sort());
  net.dispose();
});

test('loadRenderer reads a file of torch.save, and what saveRenderer writes', async () => {
  const net = await loadRenderer(file);
  expect(net.config).toEqual({ ...SMALL, size: 64 }); // the shapes leave the size open
  const small = new PortraitRenderer({ ...SMALL, residualBlocks: 2, size: 96 }, { seed: 1 });
  const again = await loadRenderer(await saveRenderer(small));
  expect(again.config).toEqual(small.config);
  expect(await again.stateDict()).toEqual(await small.stateDict());
  for (const each of [net, small, again]) each.dispose();
});

test('render draws each edge map with the same candidates, and leaves one tensor', () => {
  const net = new PortraitRenderer(SMALL, { seed: 2 }).eval();
  const maps = made<tf.Tensor4D>('maps', [2, 32, 32, 1]);
  const candidates = made<tf.Tensor4D>('candidates', [1, 32, 32, 3]);
  const before = tf.memory().numTensors;
  const frames = net.render(maps, candidates);
  expect(tf.memory().numTensors).toBe(before + 1);
  const second = tf.tidy(() =>
    net.forward(tf.concat4d([tf.slice4d(maps, [1, 0, 0, 0], [1, 32, 32, 1]), candidates], 3)),
  );
  expect([...second.dataSync()]).toEqual([...frames.dataSync().slice(32 * 32 * 3)]);
  expect(Math.max(...frames.dataSync().map(Math.abs))).toBeLessThanOrEqual(1);
  tf.dispose([maps, candidates, frames, second]);
  net.dispose();
});

describe('PortraitRenderer refuses', () => {
  test.each([
    ['too few levels', { ...SMALL, levels: 4 }, 'PortraitRenderer: config.levels must be at least 5, got 4'],
    ['a side that cannot be halved', { ...SMALL, size: 48 }, 'config.size must be a multiple of 2^levels (32), got 48'],
  ])('%s', (_, config, message) => {
    expect(() => new PortraitRenderer(config, { seed: 0 })).toThrow(message);
  });

  test('images of another size, and other candidates', () => {
    const net = new PortraitRenderer(SMALL, { seed: 0 });
    expect(() => net.forward(tf.zeros([1, 32, 64, 4]))).toThrow(
      'x must be of shape [batch, 32, 32, 4], got [1, 32, 64',
    );
    expect(() => net.render(tf.zeros([1, 32, 32, 1]), tf.zeros([2, 32, 32, 3]))).toThrow(
      'PortraitRenderer.render: candidates must be of shape [1, 32, 32, 3], got [2, 32, 32, 3]',
    );
    net.dispose();
  });
});
