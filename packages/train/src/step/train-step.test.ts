import type { ExpertBatch } from '@lipsync/avalignnet';
import {
  AVAlignNet,
  ContrastiveTemperature,
  contrastLoss,
  loadAVAlignNet,
  pairLoss,
  parameterShapes,
  saveAVAlignNet,
} from '@lipsync/avalignnet';
import { AdamW, ExponentialMovingAverage } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { fromTorch, largestDifference, tensors, useWasm } from '../../../avalignnet/src/testing/backend';
import { networkFixture } from '../../../avalignnet/src/testing/fixture';
import { hashedWeights, noise, safetensorsFile, sha256 } from '../../../avalignnet/src/testing/hashed-numbers';
import { random, SMALL } from '../../../avalignnet/src/testing/small';
import type { ReplicaExchange } from './batch-gradients';
import { trainedParameters, trainStep } from './train-step';

beforeAll(useWasm);

/** Seconds where the machine is idle, but other work may share it. */
const LONG = 180_000;

/** Eight pairs, random but for the seed. */
function batchOf(rows = 8, seed = 1): ExpertBatch {
  return {
    frames: random(seed, [rows, 32, 32, 15]),
    features: random(seed + 1, [rows, 80, 16, 1], 4),
    labels: tf.tensor1d(Array.from({ length: rows }, (_, row) => row % 2)),
    clips: Array.from({ length: rows }, (_, row) => row >> 1),
  };
}

describe('trainStep', () => {
  test.each(['attention', 'thesis'] as const)(
    'takes ten steps as PyTorch does (%s)',
    async (name) => {
      const fixture = networkFixture(name);
      const { height, width, featureSteps } = fixture.input;
      const channels = fixture.config.visual_encoder.in_channels;
      const config = { ...fixture.config, input: fixture.input };
      const net = await loadAVAlignNet(safetensorsFile(hashedWeights(parameterShapes(config)), fixture.metadata));
      const { learningRate, weightDecay, clipNorm, losses, gradientNorms } = fixture.adamw;
      const optimizer = new AdamW(trainedParameters(net), { learningRate, weightDecay });
      const rows = fixture.labels.length;
      const frames = fromTorch(noise(1, rows * channels * height * width), [rows, channels, height, width]);
      const batch = {
        frames,
        features: random(2, [rows, 80, featureSteps, 1], 4),
        labels: tf.tensor1d(fixture.labels),
      };
      const results = [];
      for (let step = 0; step < losses.length; step++) {
        results.push(await trainStep({ net, optimizer, batch, loss: pairLoss(), clipNorm }));
      }
      expect(
        largestDifference(
          results.map(({ loss }) => loss),
          losses,
        ),
      ).toBeLessThan(5e-6); // measured 4e-7 over ten steps
      expect(results[0].gradientNorm / gradientNorms[0]).toBeCloseTo(1, 4); // measured 3.1e-6
      expect(results[9].positiveCosine - results[9].negativeCosine).toBeGreaterThan(
        results[0].positiveCosine - results[0].negativeCosine,
      );
      optimizer.dispose();
      net.dispose();
    },
    LONG,
  );

  test(
    'overfits eight pairs: cross-entropy below 0.1',
    async () => {
      const net = new AVAlignNet(SMALL, { seed: 1 });
      const optimizer = new AdamW(trainedParameters(net), { learningRate: 1e-4 });
      const batch = batchOf();
      let result = await trainStep({ net, optimizer, batch, loss: pairLoss() });
      expect(result.loss).toBeGreaterThan(0.6);
      for (let step = 1; step < 100 && result.loss >= 0.1; step++)
        result = await trainStep({ net, optimizer, batch, loss: pairLoss() });
      expect(result.loss).toBeLessThan(0.1);
      expect(result.positiveCosine).toBeGreaterThan(result.negativeCosine + 0.5);
      optimizer.dispose();
      net.dispose();
    },
    LONG,
  );

  test(
    'learns by contrast, temperature included, and moves the average',
    async () => {
      const net = new AVAlignNet(SMALL, { seed: 1 });
      const head = new ContrastiveTemperature();
      const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 3e-4 });
      const ema = new ExponentialMovingAverage(net, { decay: 0.5 });
      const batch = batchOf();
      const loss = contrastLoss({ temperature: head, crossEntropyWeight: 0.5 });
      const before = tensors();
      const results = [];
      for (let step = 0; step < 8; step++) results.push(await trainStep({ net, head, optimizer, batch, loss, ema }));
      expect(tensors()).toBe(before);
      expect(results[7].loss).toBeLessThan(results[0].loss / 2);
      expect(head.scale().dataSync()[0]).not.toBeCloseTo(1 / 0.07, 3); // moved by 0.0031
      const [own, average] = [await net.stateDict(), await ema.stateDict()];
      const name = 'visual_encoder.conv_in.weight';
      const moved = largestDifference(average.get(name)?.data as Float32Array, own.get(name)?.data as Float32Array);
      expect(moved).toBeGreaterThan(1e-5); // measured 2.1e-4
      for (const part of [ema, optimizer, head, net]) part.dispose();
    },
    LONG,
  );

  test('averages the gradients of several batches', async () => {
    const run = async (batches: (whole: ExpertBatch) => ExpertBatch | ExpertBatch[]) => {
      const net = new AVAlignNet(SMALL, { seed: 1 });
      const optimizer = new AdamW(trainedParameters(net), { learningRate: 1e-4 });
      const batch = batches(batchOf());
      const first = await trainStep({ net, optimizer, batch, loss: pairLoss() });
      const second = await trainStep({ net, optimizer, batch, loss: pairLoss() });
      optimizer.dispose();
      net.dispose();
      return [first.loss, first.gradientNorm, first.positiveCosine, second.loss];
    };
    const whole = await run((batch) => batch);
    const halves = await run(({ frames, features, labels }) =>
      [0, 4].map((row) => ({
        frames: tf.slice(frames, [row, 0, 0, 0], [4, -1, -1, -1]),
        features: tf.slice(features, [row, 0, 0, 0], [4, -1, -1, -1]),
        labels: tf.slice(labels as tf.Tensor1D, row, 4),
      })),
    );
    expect(largestDifference(whole, halves)).toBeLessThan(1e-6); // measured 6e-8
  });

  test('trains with dropout, and leaves the network in the mode that it was in', async () => {
    const config = { ...SMALL, visual_encoder: { ...SMALL.visual_encoder, dropout: 0.3 } };
    const net = new AVAlignNet(config, { seed: 1 });
    const optimizer = new AdamW(trainedParameters(net), { learningRate: 0 });
    const batch = batchOf(2);
    const [first, second] = [
      await trainStep({ net, optimizer, batch, loss: pairLoss() }),
      await trainStep({ net, optimizer, batch, loss: pairLoss() }),
    ];
    expect(first.loss).not.toBe(second.loss);
    expect(net.training).toBe(false);
    optimizer.dispose();
    net.dispose();
  });

  test('refuses a loss that is not finite and changes nothing', async () => {
    const net = new AVAlignNet(SMALL, { seed: 1 });
    const optimizer = new AdamW(trainedParameters(net), { learningRate: 1e-3 });
    const batch = { ...batchOf(2), features: tf.fill([2, 80, 16, 1], NaN) as tf.Tensor4D };
    const weights = async () => sha256(await saveAVAlignNet(net));
    const [before, count] = [await weights(), tensors()];
    await expect(trainStep({ net, optimizer, batch, loss: pairLoss() })).rejects.toThrow(
      /trainStep: the step must be finite, got loss .* and gradient norm NaN/,
    );
    expect(await weights()).toBe(before);
    expect(optimizer.stepCount).toBe(0);
    expect(tensors()).toBe(count);
    optimizer.dispose();
    net.dispose();
  });

  test('refuses batches of unlike rows, none at all, and leaves no tensor where the loss refuses', async () => {
    const net = new AVAlignNet(SMALL, { seed: 1 });
    const optimizer = new AdamW(trainedParameters(net), { learningRate: 1e-3 });
    const batch = batchOf(2);
    const odd = { ...batch, features: random(1, [3, 80, 16, 1]) };
    await expect(trainStep({ net, optimizer, batch: odd, loss: pairLoss() })).rejects.toThrow(
      'trainStep: batch.features must be of as many rows as batch.frames (2), got 3',
    );
    await expect(trainStep({ net, optimizer, batch: [], loss: pairLoss() })).rejects.toThrow('one batch at least');
    const count = tensors();
    const { labels: _, ...bare } = batch;
    await expect(trainStep({ net, optimizer, batch: bare, loss: pairLoss() })).rejects.toThrow('batch.labels');
    expect(tensors()).toBe(count);
    optimizer.dispose();
    net.dispose();
  });
});

test('trainedParameters lists the network and then the head', () => {
  const net = new AVAlignNet(SMALL, { seed: 1 });
  const head = new ContrastiveTemperature();
  const names = [...trainedParameters(net, head).keys()];
  expect(names.at(-1)).toBe('log_temperature');
  expect(names.slice(0, -1)).toEqual([...net.namedParameters().keys()]);
  net.dispose();
  head.dispose();
});

test('trainStep takes the same steps in chunks, with one exchange that has nobody else, and refuses what cannot be', async () => {
  const run = async (more: { chunk?: number; exchange?: ReplicaExchange }) => {
    const net = new AVAlignNet(SMALL, { seed: 1 });
    const head = new ContrastiveTemperature();
    const optimizer = new AdamW(trainedParameters(net, head), { learningRate: 1e-4 });
    const batch = batchOf();
    const loss = contrastLoss({ temperature: head, crossEntropyWeight: 0.5 });
    const losses = [];
    for (let step = 0; step < 3; step++)
      losses.push((await trainStep({ net, head, optimizer, batch, loss, ...more })).loss);
    for (const part of [optimizer, head, net]) part.dispose();
    return losses;
  };
  const whole = await run({});
  expect(largestDifference(await run({ chunk: 3 }), whole)).toBeLessThan(1e-6); // measured 3e-8
  expect(await run({ exchange: { rank: 0, count: 1, gather: (own) => [own], sum: async () => {} } })).toEqual(whole);
  await expect(run({ chunk: 0 })).rejects.toThrow('trainStep: chunk must be a whole number from 1, got 0');
});
