import { ContrastiveTemperature } from '@lipsync/avalignnet';
import { encodeSafetensors, type NamedArray, sha256Hex } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { AdamW, ExponentialMovingAverage } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { expertLoss, lossParametersOf } from '../expert/expert-losses';
import { buildNetwork, type NetworkChoice, type TrainedNetwork } from '../expert/trained-network';
import { type ExpertPreset, presetFor, type TrainingPreset } from '../expert/training-presets';
import type { TrainingState } from '../run/training-state';
import type { ReplicaExchange } from './batch-gradients';
import { type TrainStepResult, trainedParameters, trainStep } from './train-step';

/** All that a trainer is built from; plain data, which can go to another thread. */
export type TrainerSetup = {
  choice: NetworkChoice;
  preset: ExpertPreset;
  /** Seed of the first weights. */
  seed: number;
  /** First weights in place of drawn ones, by PyTorch's names. */
  initialWeights?: Map<string, NamedArray>;
  /** Of the first step; each step has its own. */
  learningRate: number;
  /** Most windows in the network at a time. Default all. */
  chunk?: number;
};

/** What changes from step to step. */
export type StepOptions = {
  learningRate: number;
  /** Share of the run that is done, 0..1. */
  progress: number;
};

/** A batch as plain arrays, so that each trainer makes tensors in its own thread. */
export type PlainBatch = {
  /** float32 of shape `[batch, height, width, frameCount * 3]`. */
  frames: { data: Float32Array; shape: [number, number, number, number] };
  /** float32 of shape `[batch, bins, featureSteps, 1]`. */
  features: { data: Float32Array; shape: [number, number, number, number] };
  /** `[batch]`: 1 in sync, 0 off sync; for losses of pairs. */
  labels?: Float32Array;
  /** Clip index of each row; for the contrasting loss. */
  clips?: readonly number[];
};

/** Everything that a checkpoint holds of a trainer. */
export type TrainerState = Pick<TrainingState, 'model' | 'optimizer' | 'ema'>;

/** Takes the steps of an expert's run, in this thread or in several. */
export interface Trainer {
  /** One step on a batch, which is borrowed. */
  step(batch: PlainBatch, options: StepOptions): Promise<TrainStepResult>;
  state(): Promise<TrainerState>;
  /** The weights that are validated and saved: averaged ones where the preset averages. */
  weights(): Promise<Map<string, NamedArray>>;
  load(state: TrainerState): Promise<void>;
  /** Safe to call twice. */
  dispose(): Promise<void>;
}

const UNCLIPPED = 1e6; // above any norm of a gradient that is not lost anyway

/**
 * A trainer in this thread, on the backend that is set: network, temperature, optimiser and averaged weights.
 *
 * With an `exchange` it is one of several replicas: frames and features of a batch are then its own share, labels and
 * clips those of all; only replica 0 keeps the average.
 *
 * @throws TypeError where preset and network do not fit each other.
 * @example
 * const trainer = new LocalTrainer({ choice: {}, preset: 'contrast', seed: 0, learningRate: 1.5e-3 });
 * const { loss } = await trainer.step(batch, { learningRate: 1.5e-3, progress: 0 });
 * await trainer.dispose();
 */
export class LocalTrainer implements Trainer {
  readonly net: TrainedNetwork;
  readonly #preset: TrainingPreset;
  readonly #chunk?: number;
  readonly #exchange?: ReplicaExchange;
  readonly #temperature?: ContrastiveTemperature;
  readonly #optimizer: AdamW;
  readonly #average?: ExponentialMovingAverage;

  constructor({ choice, preset, seed, initialWeights, learningRate, chunk }: TrainerSetup, exchange?: ReplicaExchange) {
    this.#preset = presetFor(preset, choice.network);
    this.#chunk = chunk;
    this.#exchange = exchange;
    this.net = buildNetwork(choice, seed);
    if (initialWeights) this.net.loadStateDict(initialWeights);
    this.#temperature = this.#preset.loss === 'contrast' ? new ContrastiveTemperature() : undefined;
    const { betas, weightDecay, decayOneDimensional, averageDecay } = this.#preset;
    this.#optimizer = new AdamW(trainedParameters(this.net, this.#temperature), {
      learningRate,
      betas,
      weightDecay,
      decayOneDimensional,
    });
    if (averageDecay !== undefined && (!exchange || exchange.rank === 0))
      this.#average = new ExponentialMovingAverage(this.net, { decay: averageDecay });
  }

  async step(batch: PlainBatch, { learningRate, progress }: StepOptions): Promise<TrainStepResult> {
    const temperature = this.#temperature;
    this.#optimizer.learningRate = learningRate;
    const tensors = {
      frames: tf.tensor4d(batch.frames.data, batch.frames.shape),
      features: tf.tensor4d(batch.features.data, batch.features.shape),
      ...(batch.labels ? { labels: tf.tensor1d(batch.labels) } : {}),
    };
    try {
      return await trainStep({
        net: this.net,
        head: temperature,
        optimizer: this.#optimizer,
        batch: { ...tensors, clips: batch.clips },
        loss: expertLoss(this.net, this.#preset, { temperature, progress }),
        ema: this.#average,
        clipNorm: this.#preset.clipNorm ?? UNCLIPPED,
        chunk: this.#chunk,
        exchange: this.#exchange,
        lossParameters: lossParametersOf(this.net),
      });
    } finally {
      tf.dispose(tensors);
    }
  }

  async state(): Promise<TrainerState> {
    return {
      model: await this.#parameters(),
      optimizer: await this.#optimizer.state(),
      ...(this.#average ? { ema: await this.#average.stateDict() } : {}),
    };
  }

  async weights(): Promise<Map<string, NamedArray>> {
    if (this.#preset.averageDecay === undefined) return this.net.stateDict();
    if (!this.#average)
      return fail(Error, 'LocalTrainer.weights', 'the replica', '0, which keeps the average', this.#exchange?.rank);
    return this.#average.stateDict();
  }

  async load({ model, optimizer, ema }: TrainerState): Promise<void> {
    const network = new Map(model);
    const name = 'log_temperature';
    if (this.#temperature) {
      this.#temperature.loadStateDict(new Map([[name, network.get(name) as NamedArray]]));
      network.delete(name);
    }
    this.net.loadStateDict(network);
    this.#optimizer.loadState(optimizer);
    this.#average?.loadStateDict(ema as Map<string, NamedArray>);
  }

  /** SHA-256 of the trained values, hexadecimal; without running statistics, which follow the rows of each replica. */
  async hash(): Promise<string> {
    const trained = trainedParameters(this.net, this.#temperature);
    return sha256Hex(encodeSafetensors(new Map([...(await this.#parameters())].filter(([name]) => trained.has(name)))));
  }

  async dispose(): Promise<void> {
    for (const part of [this.#optimizer, this.#average, this.#temperature, this.net]) part?.dispose();
  }

  async #parameters(): Promise<Map<string, NamedArray>> {
    return new Map([
      ...(await this.net.stateDict()),
      ...(this.#temperature ? await this.#temperature.stateDict() : []),
    ]);
  }
}
