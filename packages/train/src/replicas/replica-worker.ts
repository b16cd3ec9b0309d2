import { parentPort, workerData } from 'node:worker_threads';
import { selectBackend } from '@lipsync/backends';
import * as tf from '@tensorflow/tfjs-core';
import { evenShare } from '../step/even-share';
import type { TrainStepResult } from '../step/train-step';
import { LocalTrainer, type StepOptions, type TrainerSetup, type TrainerState } from '../step/trainer';
import { type ExchangeMemory, SharedExchange } from './shared-exchange';

/** What a replica is started with. */
export type ReplicaSetup = { setup: TrainerSetup; memory: ExchangeMemory; rank: number };

/** A tensor's numbers where all threads see them. */
export type SharedTensor = { numbers: SharedArrayBuffer; shape: [number, number, number, number] };

/** A batch of which each replica takes its rows. */
export type SharedBatch = {
  frames: SharedTensor;
  features: SharedTensor;
  labels?: Float32Array;
  clips?: readonly number[];
};

/** What a replica is asked. */
export type ReplicaOrder =
  | { kind: 'start' | 'state' | 'average' | 'hash' }
  | { kind: 'load'; state: TrainerState }
  | { kind: 'step'; batch: SharedBatch; order: StepOptions };

/** What a replica answers, one answer an order, in order. */
export type ReplicaAnswer = { result: unknown } | { error: { name: string; message: string } };

/** A thread of `ReplicaTrainer`: a copy of the network on a wasm backend of its own. */
const { setup, memory, rank } = workerData as ReplicaSetup;
const exchange = new SharedExchange(memory, rank);
let backend = '';
const ready = selectBackend({ backend: 'wasm', threads: 1, log: (line) => (backend = line) }).then(
  () => new LocalTrainer(setup, exchange),
);
ready.catch(() => {}); // said by the first answer
let last: Promise<void> = Promise.resolve();
parentPort!.on('message', (order: ReplicaOrder) => {
  last = last.then(async () => {
    let answer: ReplicaAnswer;
    try {
      answer = { result: await handle(await ready, order) };
    } catch (error) {
      exchange.stop(); // before the others wait for this one
      const { name, message } = error as Error;
      answer = { error: { name, message } };
    }
    parentPort!.postMessage(answer);
  });
});

async function handle(trainer: LocalTrainer, order: ReplicaOrder): Promise<unknown> {
  switch (order.kind) {
    case 'start':
      return backend;
    case 'load':
      return trainer.load(order.state);
    case 'state':
      return trainer.state();
    case 'average':
      return trainer.average();
    case 'hash':
      return trainer.hash();
    case 'step':
      return step(trainer, order.batch, order.order);
  }
}

async function step(
  trainer: LocalTrainer,
  { frames, features, labels, clips }: SharedBatch,
  order: StepOptions,
): Promise<TrainStepResult> {
  const batch = { frames: ownRows(frames), features: ownRows(features), labels: labels && tf.tensor1d(labels), clips };
  try {
    return await trainer.step(batch, order);
  } finally {
    tf.dispose([batch.frames, batch.features, ...(batch.labels ? [batch.labels] : [])]);
  }
}

function ownRows({ numbers, shape: [rows, ...sides] }: SharedTensor): tf.Tensor4D {
  const [first, end] = evenShare(rows, rank, memory.count);
  const size = sides.reduce((product, side) => product * side, 1);
  // A copy: the next batch is written here.
  return tf.tensor4d(new Float32Array(numbers, 4 * first * size, (end - first) * size).slice(), [
    end - first,
    ...sides,
  ] as SharedTensor['shape']);
}
