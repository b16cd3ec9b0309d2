import {
  ContrastiveTemperature,
  contrastLoss,
  pairCosine,
  pairLoss,
  rampedWeight,
  type SyncBatch,
  type SyncLoss,
} from '@lipsync/avalignnet';
import { encodeSafetensors, type NamedArray, sha256Hex } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { AdamW, ExponentialMovingAverage, l2Normalize } from '@lipsync/nn';
import { contrastiveDistanceLoss } from '@lipsync/syncnet';
import * as tf from '@tensorflow/tfjs-core';
import { buildNetwork, type NetworkChoice, type TrainedNetwork } from '../expert/trained-network';
import { TRAINING_PRESETS, type TrainingPreset } from '../expert/training-presets';
import type { TrainingState } from '../run/training-state';
import type { ReplicaExchange } from './batch-gradients';
import { type TrainStepResult, trainedParameters, trainStep } from './train-step';

/** What is learned from: `contrast` is our default, `thesis` the plain recipe of the thesis, `published` that of the network's publisher. */
export type TrainPreset = 'contrast' | 'thesis' | 'published';

/** All that a trainer is built from; plain data, which can go to another thread. */
export type TrainerSetup = {
  choice: NetworkChoice;
  preset: TrainPreset;
  seed: number;
  /** The first; each step names its own. */
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

/** Everything that a checkpoint holds of a trainer. */
export type TrainerState = Pick<TrainingState, 'model' | 'optimizer' | 'ema'>;

/** Takes the steps of a run, in this thread or in several. */
export interface Trainer {
  /** One step on a batch, which is borrowed. */
  step(batch: SyncBatch, order: StepOptions): Promise<TrainStepResult>;
  state(): Promise<TrainerState>;
  /** The averaged weights. */
  average(): Promise<Map<string, NamedArray>>;
  load(state: TrainerState): Promise<void>;
  /** Safe to call twice. */
  dispose(): Promise<void>;
}

/** The publisher's recipe, where that is asked for and there is one. */
export function publishedPreset({
  preset,
  choice: { network = 'avalignnet' },
}: Pick<TrainerSetup, 'preset' | 'choice'>): TrainingPreset | undefined {
  return preset === 'published' && network !== 'avalignnet' ? TRAINING_PRESETS[network] : undefined;
}

const UNCLIPPED = 1e6; // the published recipes do not clip gradients

/**
 * A trainer in this thread, on the backend that is set: network, temperature, optimiser and averaged weights.
 *
 * With an `exchange` it is one of several replicas, and the frames and audio of a batch are its own share; the first of them keeps the average.
 */
export class LocalTrainer implements Trainer {
  readonly net: TrainedNetwork;
  private readonly setup: TrainerSetup;
  private readonly exchange?: ReplicaExchange;
  private readonly head?: ContrastiveTemperature;
  private readonly optimizer: AdamW;
  private readonly ema?: ExponentialMovingAverage;

  constructor(setup: TrainerSetup, exchange?: ReplicaExchange) {
    const { choice, preset, seed, learningRate } = setup;
    this.setup = setup;
    this.exchange = exchange;
    this.net = buildNetwork(choice, seed);
    this.head = preset === 'contrast' ? new ContrastiveTemperature() : undefined;
    this.optimizer = new AdamW(trainedParameters(this.net, this.head), {
      learningRate,
      decayOneDimensional: preset !== 'contrast',
      ...(publishedPreset(setup) && choice.network !== 'latentsync' ? { weightDecay: 0 } : {}), // plain Adam
    });
    if (!exchange || exchange.rank === 0) this.ema = new ExponentialMovingAverage(this.net, { decay: 0.998 });
  }

  async step(batch: SyncBatch, { learningRate, progress }: StepOptions): Promise<TrainStepResult> {
    const { net, head, optimizer, ema, exchange } = this;
    const { chunk } = this.setup;
    optimizer.learningRate = learningRate;
    const clipNorm = publishedPreset(this.setup) ? UNCLIPPED : undefined;
    return trainStep({
      net,
      head,
      optimizer,
      batch,
      loss: lossFor(this.setup, head, progress),
      ema,
      clipNorm,
      chunk,
      exchange,
    });
  }

  async state(): Promise<TrainerState> {
    return { model: await this.weights(), optimizer: await this.optimizer.state(), ema: await this.average() };
  }

  async average(): Promise<Map<string, NamedArray>> {
    if (!this.ema)
      fail(Error, 'LocalTrainer.average', 'the replica', 'the first, which keeps the average', this.exchange?.rank);
    return this.ema.stateDict();
  }

  async load({ model, optimizer, ema }: TrainerState): Promise<void> {
    const network = new Map(model);
    const name = 'log_temperature';
    if (this.head) {
      this.head.loadStateDict(new Map([[name, network.get(name) as NamedArray]]));
      network.delete(name);
    }
    this.net.loadStateDict(network);
    this.optimizer.loadState(optimizer);
    this.ema?.loadStateDict(ema as Map<string, NamedArray>);
  }

  /** SHA-256 of the trained numbers, hexadecimal; not of running statistics, which follow what each replica sees. */
  async hash(): Promise<string> {
    const trained = trainedParameters(this.net, this.head);
    return sha256Hex(encodeSafetensors(new Map([...(await this.weights())].filter(([name]) => trained.has(name)))));
  }

  async dispose(): Promise<void> {
    for (const part of [this.optimizer, this.ema, this.head, this.net]) part?.dispose();
  }

  private async weights(): Promise<Map<string, NamedArray>> {
    return new Map([...(await this.net.stateDict()), ...(this.head ? await this.head.stateDict() : [])]);
  }
}

function lossFor(
  { choice }: TrainerSetup,
  temperature: ContrastiveTemperature | undefined,
  progress: number,
): SyncLoss {
  if (choice.network === 'syncnet') return distanceLoss;
  return temperature ? contrastLoss({ temperature, crossEntropyWeight: rampedWeight(progress) }) : pairLoss();
}

/** SyncNet's contrastive loss; its cosines are those of the embeddings, only to be looked at. */
const distanceLoss: SyncLoss = ({ visual, audio }, { labels }) => {
  if (labels === undefined) fail(TypeError, 'distanceLoss', 'batch.labels', 'a tensor [batch] of 0 and 1', labels);
  const { loss } = contrastiveDistanceLoss(visual, audio, labels, { margin: TRAINING_PRESETS.syncnet.margin });
  const cosine = pairCosine(l2Normalize(visual), l2Normalize(audio));
  const inSync = tf.cast(labels, 'float32');
  const masked = (mask: tf.Tensor) => tf.div(tf.sum(tf.mul(cosine, mask)), tf.sum(mask)) as tf.Scalar;
  return { loss, positiveCosine: masked(inSync), negativeCosine: masked(tf.sub(1, inSync)) };
};
