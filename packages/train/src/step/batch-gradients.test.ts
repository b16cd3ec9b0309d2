import type { ExpertBatch } from '@lipsync/avalignnet';
import { AVAlignNet, ContrastiveTemperature, contrastLoss, pairLoss } from '@lipsync/avalignnet';
import { BatchNorm2d, disposeGradients, Linear, Module, Random, setDropoutStep } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { largestDifference, tensors, useWasm } from '../../../avalignnet/src/testing/backend';
import { random, SMALL } from '../../../avalignnet/src/testing/small';
import type { BatchGradientsOptions, ReplicaExchange } from './batch-gradients';
import { batchGradients } from './batch-gradients';
import { evenShare } from './even-share';

beforeAll(useWasm);

const ROWS = 8;

/** Four clips of two rows each. */
function batchOf(): ExpertBatch {
  return {
    frames: random(1, [ROWS, 32, 32, 15]),
    features: random(2, [ROWS, 80, 16, 1], 4),
    labels: tf.tensor1d(Array.from({ length: ROWS }, (_, row) => row % 2)),
    clips: Array.from({ length: ROWS }, (_, row) => row >> 1),
  };
}

type Figures = { loss: number; positive: number; gradients: Map<string, Float32Array> };

async function figuresOf(options: BatchGradientsOptions): Promise<Figures> {
  const { gradients, parts } = await batchGradients(options);
  const figures: Figures = {
    loss: parts.loss.dataSync()[0],
    positive: parts.positiveCosine.dataSync()[0],
    gradients: new Map([...gradients].map(([name, gradient]) => [name, gradient.dataSync<'float32'>().slice()])),
  };
  disposeGradients(gradients);
  tf.dispose(Object.values(parts));
  return figures;
}

const largest = (values: Float32Array) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/**
 * The largest difference of any gradient, as a share of the largest number of its own; of 0.01 at least, as a
 * convolution's bias ahead of a norm with one channel a group has no gradient but rounding (1e-7).
 */
function gradientError(a: Figures, b: Figures): number {
  expect([...a.gradients.keys()]).toEqual([...b.gradients.keys()]);
  const errors = [...a.gradients].map(([name, gradient]) => {
    return largestDifference(gradient, b.gradients.get(name) as Float32Array) / Math.max(largest(gradient), 1e-2);
  });
  return Math.max(...errors);
}

/**
 * What `count` replicas get, run one after the other: gathered embeddings are known beforehand, sums are made at the
 * end.
 */
async function inReplicas(count: number, options: BatchGradientsOptions): Promise<Figures> {
  const { net, batch, step } = options;
  const shares = Array.from({ length: count }, (_, rank) => evenShare(ROWS, rank, count));
  const own = shares.map(([first, end]) => ({
    frames: tf.slice(batch.frames, [first, 0, 0, 0], [end - first, -1, -1, -1]),
    features: tf.slice(batch.features, [first, 0, 0, 0], [end - first, -1, -1, -1]),
  }));
  const embeddings = own.map(({ frames, features }) => {
    setDropoutStep(net, step);
    const { visual, audio } = net.forward(frames, features);
    return Float32Array.from([...visual.dataSync(), ...audio.dataSync()]);
  });
  const parts: Figures[] = [];
  for (let rank = 0; rank < count; rank++) {
    const exchange: ReplicaExchange = {
      rank,
      count,
      gather(values) {
        // measured 6.1e-7: batches of other sizes take other blocks of the matrix products
        expect(largestDifference(values, embeddings[rank])).toBeLessThan(3e-6);
        return embeddings;
      },
      sum: async () => {},
    };
    parts.push(await figuresOf({ ...options, batch: { ...batch, ...own[rank] }, exchange }));
  }
  for (const part of parts) expect(Math.abs(part.loss - parts[0].loss)).toBeLessThan(2e-6); // measured 3.6e-7
  const gradients = new Map(
    [...parts[0].gradients].map(([name, first]) => [
      name,
      first.map((_, i) => parts.reduce((sum, part) => sum + (part.gradients.get(name) as Float32Array)[i], 0)),
    ]),
  );
  return { ...parts[0], gradients };
}

describe('batchGradients', () => {
  test.each(['contrast', 'pairs'] as const)(
    'gives loss and gradients of the whole batch in chunks and in replicas (%s)',
    async (kind) => {
      const net = new AVAlignNet(SMALL, { seed: 1 }).train();
      const head = kind === 'contrast' ? new ContrastiveTemperature() : undefined;
      const loss = head ? contrastLoss({ temperature: head, crossEntropyWeight: 0.5 }) : pairLoss();
      const options = { net, head, loss, batch: batchOf(), step: 0 };
      const whole = await figuresOf(options);
      const divided = [
        await figuresOf({ ...options, chunk: 3 }),
        await figuresOf({ ...options, chunk: 1 }),
        await figuresOf({ ...options, chunk: 8 }),
        await inReplicas(2, options),
        await inReplicas(3, { ...options, chunk: 2 }),
      ];
      for (const figures of divided) {
        expect(Math.abs(figures.loss - whole.loss)).toBeLessThan(3e-6); // measured 6e-7
        expect(Math.abs(figures.positive - whole.positive)).toBeLessThan(1e-6);
        expect(gradientError(whole, figures)).toBeLessThan(1e-4); // measured 1e-5
      }
      net.dispose();
      head?.dispose();
    },
  );

  test('lets nothing but its results live on, where it succeeds and where the loss or the exchange refuses', async () => {
    const net = new AVAlignNet(SMALL, { seed: 1 }).train();
    const batch = batchOf();
    const options = { net, loss: pairLoss(), batch, step: 0, chunk: 3 };
    const parameters = net.namedParameters().size;
    const before = tensors();
    const { gradients, parts } = await batchGradients(options);
    expect([...gradients.keys()]).toEqual([...net.namedParameters().keys()]);
    expect(tensors()).toBe(before + parameters + 3);
    disposeGradients(gradients);
    tf.dispose(Object.values(parts));
    await expect(batchGradients({ ...options, batch: { ...batch, labels: undefined } })).rejects.toThrow(
      'pairLoss: batch.labels',
    );
    const broken: ReplicaExchange = {
      rank: 0,
      count: 2,
      gather: () => {
        throw new Error('the other one is gone');
      },
      sum: async () => {},
    };
    await expect(batchGradients({ ...options, exchange: broken })).rejects.toThrow('the other one is gone');
    const late: ReplicaExchange = {
      rank: 0,
      count: 1,
      gather: (own) => [own],
      sum: () => Promise.reject(new Error('gone at last')),
    };
    await expect(batchGradients({ ...options, exchange: late })).rejects.toThrow('gone at last');
    expect(tensors()).toBe(before);
    net.dispose();
  });

  test('has the same dropout masks both times that a chunk goes through', async () => {
    const config = { ...SMALL, visual_encoder: { ...SMALL.visual_encoder, dropout: 0.3 } };
    const net = new AVAlignNet(config, { seed: 1 }).train();
    const options = { net, loss: pairLoss(), batch: batchOf(), step: 5 };
    const chunked = await figuresOf({ ...options, chunk: 3 });
    // By finite differences along the gradient: masks that changed in between would give another slope.
    const squares = [...chunked.gradients.values()].reduce(
      (sum, gradient) => sum + gradient.reduce((own, x) => own + x * x, 0),
      0,
    );
    const lossAt = async (distance: number) => {
      const variables = [...net.namedParameters()].map(([name, { variable }]) => ({
        variable,
        kept: tf.clone(variable),
        slope: chunked.gradients.get(name)!,
      }));
      for (const { variable, kept, slope } of variables)
        tf.tidy(() => variable.assign(tf.add(kept, tf.mul(tf.tensor(slope, kept.shape), distance))));
      const { loss } = await figuresOf({ ...options, chunk: 3 });
      for (const { variable, kept } of variables) {
        variable.assign(kept);
        kept.dispose();
      }
      return loss;
    };
    const step = 0.001 / Math.sqrt(squares);
    const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
    expect(slope / squares).toBeCloseTo(1, 3); // measured 7.9e-5: terms of third order, and float32 losses
    expect((await figuresOf({ ...options, chunk: 3 })).loss).toBe(chunked.loss);
    net.dispose();
  });

  test('lets running statistics follow each chunk once', async () => {
    const random = new Random(1);
    class Towers extends Module {
      readonly norm = this.register('norm', new BatchNorm2d({ channels: 2 }));
      readonly fc = this.register('fc', new Linear({ inFeatures: 2, outFeatures: 4, random }));
      forward(frames: tf.Tensor4D, features: tf.Tensor4D) {
        const embed = (x: tf.Tensor4D) => this.fc.forward(this.norm.forward(tf.reshape(x, [-1, 2]))) as tf.Tensor2D;
        return { visual: embed(frames), audio: tf.mul(embed(features), 2) as tf.Tensor2D };
      }
    }
    const net = new Towers();
    const figures = Float32Array.from({ length: 16 }, () => random.normal());
    const batch = {
      frames: tf.tensor4d(figures, [8, 1, 1, 2]),
      features: tf.tensor4d(
        figures.map((x) => x * x),
        [8, 1, 1, 2],
      ),
    };
    const loss: BatchGradientsOptions['loss'] = ({ visual, audio }) => {
      const mean = tf.mean<tf.Scalar>(tf.mul(visual, audio));
      return { loss: mean, positiveCosine: tf.clone(mean), negativeCosine: tf.clone(mean) };
    };
    await figuresOf({ net, batch, loss, step: 0, chunk: 4 });
    const state = await net.stateDict();
    expect(state.get('norm.num_batches_tracked')?.data).toEqual(BigInt64Array.from([4n])); // two chunks, two towers
    net.dispose();
  });
});
