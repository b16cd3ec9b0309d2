import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { compareGradients, fillMade, type Shares, shareOff } from '../testing/network-case';
import { made, readFixture } from '../testing/torch-numbers';
import { PortraitDiscriminator } from './discriminator';
import { discriminatorLoss, RENDERER_WEIGHTS, rendererLosses } from './renderer-losses';

const fixture = readFixture<{
  losses: {
    maps: Shares[][];
    discriminator: number;
    gradients: Record<string, Shares>;
    gan: number;
    featureMatching: number;
    colour: number;
    dGenerated: Shares;
    shapes: [string, number[]][];
  };
}>('renderer').losses;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

async function setUp() {
  const discriminator = new PortraitDiscriminator({ inputs: 7, channels: 3, layers: 2, scales: 2, seed: 0 });
  await fillMade(discriminator);
  const pair = {
    input: made<tf.Tensor4D>('map', [2, 32, 32, 4]),
    real: made<tf.Tensor4D>('real', [2, 32, 32, 3]),
    generated: made<tf.Tensor4D>('generated', [2, 32, 32, 3]),
  };
  return { discriminator, pair };
}

test('PortraitDiscriminator has PyTorch’s maps, loss and gradients', async () => {
  const { discriminator, pair } = await setUp();
  const maps = tf.tidy(() => discriminator.forward(tf.concat4d([pair.input, pair.generated], 3)));
  const off = maps.flatMap((scale, i) => scale.map((map, j) => shareOff(map.dataSync(), fixture.maps[i][j])));
  expect(Math.max(...off)).toBeLessThan(1e-5); // measured 7e-7
  const compared = compareGradients(discriminator, () => discriminatorLoss(discriminator, pair), {
    inputs: [],
    gradients: fixture.gradients,
  });
  expect(compared.loss).toBeCloseTo(fixture.discriminator, 5);
  expect(compared.worst, compared.name).toBeLessThan(1e-4); // measured 1.3e-6
  tf.dispose([maps, Object.values(pair)]);
  discriminator.dispose();
});

test('rendererLosses are PyTorch’s, with the gradient by the generated frames', async () => {
  const { discriminator, pair } = await setUp();
  const weights = { ...RENDERER_WEIGHTS, perceptual: 0 };
  const terms = tf.tidy(() => Object.fromEntries(rendererLosses(pair, { discriminator, weights })));
  for (const name of ['gan', 'featureMatching', 'colour'] as const) {
    expect(terms[name].dataSync()[0], name).toBeCloseTo(fixture[name], 5);
  }
  const slope = tf.grad((generated) => {
    const found = rendererLosses({ ...pair, generated: generated as tf.Tensor4D }, { discriminator, weights });
    return tf.addN([...found].map(([name, term]) => tf.mul(term, weights[name])));
  })(pair.generated);
  expect(shareOff(slope.dataSync(), fixture.dGenerated)).toBeLessThan(1e-5); // measured 1.5e-7
  tf.dispose([terms, slope, Object.values(pair)]);
  discriminator.dispose();
});

test('PortraitDiscriminator has the published names, and refuses other channels', async () => {
  const discriminator = new PortraitDiscriminator({ channels: 1, seed: 0 });
  const own = [...(await discriminator.stateDict()).keys()];
  expect(own.sort()).toEqual(fixture.shapes.map(([name]) => name).sort());
  expect(() => discriminator.forward(tf.zeros([1, 32, 32, 26]))).toThrow(
    'PortraitDiscriminator.forward: x must be of shape [batch, height, width, 16], got [1, 32, 32, 26]',
  );
  discriminator.dispose();
  expect(() => new PortraitDiscriminator({ scales: 0, seed: 0 })).toThrow(
    'config.scales must be a whole number from 1',
  );
});
