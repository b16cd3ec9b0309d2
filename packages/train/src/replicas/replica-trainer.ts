import { Worker } from 'node:worker_threads';
import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { PlainBatch, StepOptions, Trainer, TrainerSetup, TrainerState } from '../step/expert-trainer';
import type { TrainStepResult } from '../step/train-step';
import type { ReplicaAnswer, ReplicaRequest, ReplicaSetup, SharedArray } from './replica-worker';
import { type ExchangeMemory, exchangeMemory, SharedExchange } from './shared-exchange';

export type ReplicaTrainerOptions = {
  setup: TrainerSetup;
  /** Threads, 1 at least. */
  count: number;
  /** Windows of a batch, `count` at least. */
  rows: number;
  /** Values of one embedding of the network, and its trained values. */
  network: { embeddingSize: number; parameters: number };
  /** Longest wait of a replica for the others, seconds. Default 600. */
  timeoutSec?: number;
};

type Replica = { worker: Worker; waiting?: { resolve: (result: unknown) => void; reject: (error: Error) => void } };

/**
 * A trainer over several threads, each with a copy of the network on its own wasm backend with one thread.
 *
 * Each thread takes its rows of every batch; embeddings and gradients go through shared memory. So loss, gradients and
 * steps are those of the whole batch, and the copies stay equal to the last bit. The losses are those of `LocalTrainer`
 * but for the rounding of sums.
 *
 * A replica that throws, or dies, ends the step of all with its error.
 *
 * @throws RangeError if there are fewer rows than threads; Error where a thread does not start.
 * @example
 * const network = { embeddingSize: 256, parameters: 700_000 };
 * const trainer = await ReplicaTrainer.start({ setup, count: 2, rows: 72, network });
 * const { loss } = await trainer.step(batch, { learningRate: 1.5e-3, progress: 0 });
 * await trainer.dispose();
 */
export class ReplicaTrainer implements Trainer {
  readonly #replicas: Replica[] = [];
  readonly #exchange: SharedExchange;
  readonly #count: number;
  #backend = '';
  #shared: { frames?: SharedArray; features?: SharedArray } = {};
  #failed?: Error;

  private constructor(setup: TrainerSetup, memory: ExchangeMemory) {
    this.#count = memory.count;
    this.#exchange = new SharedExchange(memory, 0);
    // The source's own tests run on the built worker.
    const built = import.meta.url.endsWith('.ts') ? '../../dist/replica-worker.js' : './replica-worker.js';
    const program = new URL(built, import.meta.url);
    for (let rank = 0; rank < memory.count; rank++) {
      const worker = new Worker(program, { workerData: { setup, memory, rank } satisfies ReplicaSetup });
      this.#replicas.push(this.#listen({ worker }, rank));
    }
  }

  static async start({ setup, count, rows, network, timeoutSec }: ReplicaTrainerOptions): Promise<ReplicaTrainer> {
    if (!(Number.isInteger(count) && count >= 1))
      fail(RangeError, 'ReplicaTrainer', 'count', 'a whole number from 1', count);
    if (rows < count) fail(RangeError, 'ReplicaTrainer', 'count', `at most the windows of a batch (${rows})`, count);
    // The temperature is one value more.
    const capacity = Math.max(network.parameters + 1, Math.ceil(rows / count) * 2 * network.embeddingSize);
    const trainer = new ReplicaTrainer(setup, exchangeMemory({ count, capacity, timeoutSec }));
    try {
      const backends = (await trainer.#ask({ kind: 'start' })) as string[];
      // An accelerator that appears or goes while they start would make their sums differ in the last bits, and so the
      // copies.
      if (new Set(backends).size > 1) fail(Error, 'ReplicaTrainer', 'the replicas', 'on the same backend', backends);
      trainer.#backend = backends[0];
      return trainer;
    } catch (error) {
      await trainer.dispose();
      throw error;
    }
  }

  /** The backend of the replicas, in words. */
  get backend(): string {
    return this.#backend;
  }

  async step(batch: PlainBatch, options: StepOptions): Promise<TrainStepResult> {
    const rows = batch.frames.shape[0];
    if (rows < this.#count)
      fail(RangeError, 'ReplicaTrainer.step', 'batch', `of at least ${this.#count} rows, one a replica`, rows);
    const shared = { frames: this.#share('frames', batch.frames), features: this.#share('features', batch.features) };
    const [result] = await this.#ask({ kind: 'step', batch: { ...batch, ...shared }, options });
    return result as TrainStepResult;
  }

  async state(): Promise<TrainerState> {
    return (await this.#ask({ kind: 'state' }, 1))[0] as TrainerState;
  }

  async weights(): Promise<Map<string, NamedArray>> {
    return (await this.#ask({ kind: 'weights' }, 1))[0] as Map<string, NamedArray>;
  }

  async load(state: TrainerState): Promise<void> {
    await this.#ask({ kind: 'load', state });
  }

  /** SHA-256 of the trained values of each replica: all equal, or something is wrong. */
  async hashes(): Promise<string[]> {
    return (await this.#ask({ kind: 'hash' })) as string[];
  }

  async dispose(): Promise<void> {
    this.#failed ??= new Error('ReplicaTrainer: trainer must be in use, got one that was disposed');
    this.#exchange.stop();
    await Promise.all(this.#replicas.splice(0).map(({ worker }) => worker.terminate()));
  }

  /** Passes answers on to who waits for them, and the end of the thread as an error. */
  #listen(replica: Replica, rank: number): Replica {
    const { worker } = replica;
    worker.on('message', (answer: ReplicaAnswer) => {
      const asked = replica.waiting;
      replica.waiting = undefined;
      worker.unref();
      if ('error' in answer) asked?.reject(Object.assign(new Error(answer.error.message), { name: answer.error.name }));
      else asked?.resolve(answer.result);
    });
    const gone = (error: Error) => {
      this.#failed ??= error;
      this.#exchange.stop(); // or the others would wait for it
      replica.waiting?.reject(error);
      replica.waiting = undefined;
    };
    worker.on('error', (error) => gone(error as Error));
    worker.on('exit', (code) => gone(new Error(`ReplicaTrainer: replica ${rank} must live, got exit status ${code}`)));
    worker.unref(); // an idle trainer does not keep a program alive
    return replica;
  }

  /** Sends a request to the first `count` replicas and waits for all of them; throws the first real error. */
  async #ask(request: ReplicaRequest, count = this.#count): Promise<unknown[]> {
    if (this.#failed) throw this.#failed;
    const answers = await Promise.allSettled(
      this.#replicas.slice(0, count).map(
        (replica) =>
          new Promise<unknown>((resolve, reject) => {
            replica.waiting = { resolve, reject };
            replica.worker.ref();
            replica.worker.postMessage(request);
          }),
      ),
    );
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
    if (errors.length > 0) {
      // Those who were only told to stop know no reason.
      this.#failed = errors.find(({ name }) => name !== 'ExchangeStopped') ?? this.#failed ?? errors[0];
      throw this.#failed;
    }
    return answers.map((answer) => (answer as PromiseFulfilledResult<unknown>).value);
  }

  /** Copies an array to where all replicas see it. They have read the last one when their step is done. */
  #share(name: 'frames' | 'features', { data, shape }: PlainBatch['frames']): SharedArray {
    const bytes = 4 * data.length;
    const before = this.#shared[name]?.data;
    const buffer = before?.byteLength === bytes ? before : new SharedArrayBuffer(bytes);
    new Float32Array(buffer).set(data);
    const shared = { data: buffer, shape };
    this.#shared[name] = shared;
    return shared;
  }
}
