import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { encodeSafetensors, writeFileAtomic } from '@lipsync/checkpoints';
import {
  AdamW,
  BatchNorm2d,
  Conv2d,
  clipGradientNorm,
  Dropout,
  disposeGradients,
  ExponentialMovingAverage,
  Linear,
  Module,
  Random,
  setDropoutStep,
  valueAndGradients,
} from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTrainingState, saveTrainingState, type TrainingState } from './training-state';

class Net extends Module {
  readonly conv: Conv2d;
  readonly norm = this.register('norm', new BatchNorm2d({ channels: 4 }));
  readonly drop = this.register('drop', new Dropout({ rate: 0.3, seed: 9 }));
  readonly head: Linear;
  constructor(seed: number) {
    super();
    const random = new Random(seed);
    this.conv = this.register('conv', new Conv2d({ inChannels: 2, outChannels: 4, kernelSize: 3, padding: 1, random }));
    this.head = this.register('head', new Linear({ inFeatures: 4, outFeatures: 1, random }));
  }
  loss(x: tf.Tensor4D, y: tf.Tensor): tf.Scalar {
    const features = tf.relu(this.norm.forward(this.conv.forward(x)));
    return tf.mean(tf.square(tf.sub(this.head.forward(this.drop.forward(tf.mean(features, [1, 2]))), y)));
  }
}

/** A run whose data and dropout are functions of seed and step. */
class Run {
  readonly net: Net;
  readonly optimizer: AdamW;
  readonly average: ExponentialMovingAverage;
  step = 0;
  constructor(public seed: number) {
    this.net = new Net(seed);
    this.optimizer = new AdamW(this.net.namedParameters(), { learningRate: 0.01 });
    this.average = new ExponentialMovingAverage(this.net, { decay: 0.99 });
  }
  train(steps: number): number[] {
    return Array.from({ length: steps }, () => {
      const random = new Random(this.seed, this.step);
      const draw = (shape: number[]) =>
        tf.tensor(
          Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal()),
          shape,
        );
      setDropoutStep(this.net, this.step);
      const { value, gradients } = valueAndGradients(this.net, () =>
        this.net.loss(draw([3, 4, 4, 2]) as tf.Tensor4D, draw([3, 1])),
      );
      clipGradientNorm(gradients, 1).dispose();
      this.optimizer.step(gradients);
      this.average.update(this.step++);
      disposeGradients(gradients);
      return value.dataSync()[0];
    });
  }
  async save(path: string) {
    const { net, optimizer, average, step, seed } = this;
    const dataPosition = { epoch: 1, batch: step };
    await saveTrainingState(path, {
      model: await net.stateDict(),
      optimizer: await optimizer.state(),
      ema: await average.stateDict(),
      step,
      seed,
      dataPosition,
      extra: ['é', null],
    });
  }
  restore(state: TrainingState) {
    this.net.loadStateDict(state.model);
    this.optimizer.loadState(state.optimizer);
    if (state.ema) this.average.loadStateDict(state.ema);
    this.step = state.step;
    this.seed = state.seed;
  }
}

describe('training state', () => {
  let path: string;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    path = join(await mkdtemp(join(tmpdir(), 'lipsync-nn-')), 'state.safetensors');
  });
  afterAll(() => rm(join(path, '..'), { recursive: true }));

  test('three steps, save, load into new objects and three more give bitwise the losses of six steps', async () => {
    const straight = new Run(5);
    const losses = straight.train(6);
    const halted = new Run(5);
    const first = halted.train(3);
    await halted.save(path);

    const state = await loadTrainingState(path);
    expect(state).toMatchObject({ step: 3, seed: 5, dataPosition: { epoch: 1, batch: 3 }, extra: ['é', null] });
    expect(state.optimizer.step).toBe(3);
    const resumed = new Run(77); // other first weights: all must come from the file
    resumed.restore(state);
    expect([...first, ...resumed.train(3)]).toEqual(losses);
    expect(await resumed.net.stateDict()).toEqual(await straight.net.stateDict());
    expect(await resumed.average.stateDict()).toEqual(await straight.average.stateDict());
    expect(await resumed.optimizer.state()).toEqual(await straight.optimizer.state());
  });

  test('goes without averages, position and extra', async () => {
    const run = new Run(1);
    await saveTrainingState(path, {
      model: await run.net.stateDict(),
      optimizer: await run.optimizer.state(),
      step: 0,
      seed: 1,
    });
    const state = await loadTrainingState(path);
    expect(state.ema).toBeUndefined();
    expect([state.dataPosition, state.extra]).toEqual([null, null]);
    expect([...state.model.keys()].sort()).toEqual([...(await run.net.stateDict()).keys()].sort());
  });

  test('refuses a file of another kind', async () => {
    await writeFileAtomic(path, encodeSafetensors(new Map(), { format: 'pt' }));
    await expect(loadTrainingState(path)).rejects.toThrow(
      /loadTrainingState: path must be a file of format lipsync-training-state, version 1, got format pt/,
    );
    await writeFileAtomic(path, 'cut');
    await expect(loadTrainingState(path)).rejects.toThrow(/openCheckpoint/);
    await expect(loadTrainingState(`${path}.none`)).rejects.toThrow(/ENOENT/);
  });
});
