import { parentPort, workerData } from 'node:worker_threads';
import { selectBackend } from '@lipsync/backends';
import { evenShare } from '../step/even-share';
import {
  LocalTrainer,
  type PlainBatch,
  type StepOptions,
  type TrainerSetup,
  type TrainerState,
} from '../step/expert-trainer';
import { type ExchangeMemory, SharedExchange } from './shared-exchange';

/** What a replica is started with. */
export type ReplicaSetup = { setup: TrainerSetup; memory: ExchangeMemory; rank: number };

/** An array that all threads see, with its shape. */
export type SharedArray = { data: SharedArrayBuffer; shape: [number, number, number, number] };

/** A batch of which each replica takes its rows. */
export type SharedBatch = Omit<PlainBatch, 'frames' | 'features'> & { frames: SharedArray; features: SharedArray };

/** A request to a replica. */
export type ReplicaRequest =
  | { kind: 'start' | 'state' | 'weights' | 'hash' }
  | { kind: 'load'; state: TrainerState }
  | { kind: 'step'; batch: SharedBatch; options: StepOptions };

/** Its answer; one for each request, in order. */
export type ReplicaAnswer = { result: unknown } | { error: { name: string; message: string } };

/** A thread of `ReplicaTrainer`: a copy of the network on a wasm backend of its own. */
const { setup, memory, rank } = workerData as ReplicaSetup;
const exchange = new SharedExchange(memory, rank);
let backend = '';
const ready = selectBackend({ backend: 'wasm', threads: 1, log: (line) => (backend = line) }).then(
  () => new LocalTrainer(setup, exchange),
);
ready.catch(() => {}); // reported by the first answer
let last: Promise<void> = Promise.resolve();
parentPort!.on('message', (request: ReplicaRequest) => {
  last = last.then(async () => {
    let answer: ReplicaAnswer;
    try {
      answer = { result: await handle(await ready, request) };
    } catch (error) {
      exchange.stop(); // before the others wait for this one
      const { name, message } = error as Error;
      answer = { error: { name, message } };
    }
    parentPort!.postMessage(answer);
  });
});

async function handle(trainer: LocalTrainer, request: ReplicaRequest): Promise<unknown> {
  switch (request.kind) {
    case 'start':
      return backend;
    case 'load':
      return trainer.load(request.state);
    case 'state':
      return trainer.state();
    case 'weights':
      return trainer.weights();
    case 'hash':
      return trainer.hash();
    case 'step': {
      const { frames, features, ...whole } = request.batch;
      return trainer.step({ ...whole, frames: ownRows(frames), features: ownRows(features) }, request.options);
    }
  }
}

function ownRows({ data, shape: [rows, ...sides] }: SharedArray): PlainBatch['frames'] {
  const [first, end] = evenShare(rows, rank, memory.count);
  const size = sides.reduce((product, side) => product * side, 1);
  // A copy: the next batch is written here.
  const own = new Float32Array(data, 4 * first * size, (end - first) * size).slice();
  return { data: own, shape: [end - first, ...sides] as SharedArray['shape'] };
}
