import { Worker } from 'node:worker_threads';
import type { SyncBatch } from '@lipsync/avalignnet';
import type { NamedArray } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import type { TrainStepResult } from '../step/train-step';
import type { StepOptions, Trainer, TrainerSetup, TrainerState } from '../step/trainer';
import type { ReplicaAnswer, ReplicaOrder, ReplicaSetup, SharedTensor } from './replica-worker';
import { type ExchangeMemory, exchangeMemory, SharedExchange } from './shared-exchange';

export type ReplicaTrainerOptions = {
  setup: TrainerSetup;
  /** Threads, 1 at least. */
  count: number;
  /** Windows of a batch, `count` at least. */
  rows: number;
  /** Numbers in an embedding of the network, and trained numbers in it. */
  network: { embeddingSize: number; parameters: number };
  /** Longest wait of a replica for the others, seconds. Default 600. */
  timeoutSec?: number;
};

type Replica = { worker: Worker; waiting?: { resolve: (result: unknown) => void; reject: (error: Error) => void } };

/**
 * A trainer over several threads, each with a copy of the network on a wasm backend of its own, one thread each.
 *
 * Each takes its rows of every batch; embeddings and gradients go through shared memory, so loss, gradients and steps are those of the
 * whole batch, and the copies stay equal to the last bit. Same losses as `LocalTrainer` but for the rounding of sums.
 *
 * A replica that throws, or dies, ends the step of all with its error.
 *
 * @throws RangeError if there are fewer rows than threads; Error where a thread does not start.
 * @example
 * const trainer = await ReplicaTrainer.start({ setup, count: 2, rows: 72, network: { embeddingSize: 256, parameters: net.parameterCount() } });
 */
export class ReplicaTrainer implements Trainer {
  /** What the replicas run on, in words. */
  readonly backend: string = '';
  private readonly replicas: Replica[] = [];
  private readonly exchange: SharedExchange;
  private readonly count: number;
  private shared: { frames?: SharedTensor; features?: SharedTensor } = {};
  private failed?: Error;

  private constructor(setup: TrainerSetup, memory: ExchangeMemory) {
    this.count = memory.count;
    this.exchange = new SharedExchange(memory, 0);
    // The source's own tests run on the built worker.
    const program = new URL(
      import.meta.url.endsWith('.ts') ? '../../dist/replica-worker.js' : './replica-worker.js',
      import.meta.url,
    );
    for (let rank = 0; rank < memory.count; rank++) {
      const replica: Replica = {
        worker: new Worker(program, { workerData: { setup, memory, rank } satisfies ReplicaSetup }),
      };
      replica.worker.on('message', (answer: ReplicaAnswer) => {
        const asked = replica.waiting;
        replica.waiting = undefined;
        replica.worker.unref();
        if ('error' in answer)
          asked?.reject(Object.assign(new Error(answer.error.message), { name: answer.error.name }));
        else asked?.resolve(answer.result);
      });
      const gone = (error: Error) => {
        this.failed ??= error;
        this.exchange.stop(); // or the others would wait for it
        replica.waiting?.reject(error);
        replica.waiting = undefined;
      };
      replica.worker.on('error', (error) => gone(error as Error));
      replica.worker.on('exit', (code) =>
        gone(new Error(`ReplicaTrainer: replica ${rank} must live, got exit status ${code}`)),
      );
      replica.worker.unref(); // an idle trainer does not keep a program alive
      this.replicas.push(replica);
    }
  }

  static async start({ setup, count, rows, network, timeoutSec }: ReplicaTrainerOptions): Promise<ReplicaTrainer> {
    if (!(Number.isInteger(count) && count >= 1))
      fail(RangeError, 'ReplicaTrainer', 'count', 'a whole number from 1', count);
    if (rows < count) fail(RangeError, 'ReplicaTrainer', 'count', `at most the windows of a batch (${rows})`, count);
    // The temperature is one number more.
    const capacity = Math.max(network.parameters + 1, Math.ceil(rows / count) * 2 * network.embeddingSize);
    const trainer = new ReplicaTrainer(setup, exchangeMemory({ count, capacity, timeoutSec }));
    try {
      const backends = (await trainer.ask({ kind: 'start' })) as string[];
      // An accelerator that appears or goes while they start would make their sums differ in the last bits, and so the copies.
      if (new Set(backends).size > 1) fail(Error, 'ReplicaTrainer', 'the replicas', 'on the same backend', backends);
      return Object.assign(trainer, { backend: backends[0] });
    } catch (error) {
      await trainer.dispose();
      throw error;
    }
  }

  async step(batch: SyncBatch, order: StepOptions): Promise<TrainStepResult> {
    const rows = batch.frames.shape[0];
    if (rows < this.count)
      fail(RangeError, 'ReplicaTrainer.step', 'batch', `of at least ${this.count} rows, one a replica`, rows);
    const labels = (await batch.labels?.data()) as Float32Array | undefined;
    const { clips } = batch;
    const [frames, features] = [await this.share('frames', batch.frames), await this.share('features', batch.features)];
    const [result] = await this.ask({
      kind: 'step',
      batch: { frames, features, labels: labels && Float32Array.from(labels), clips },
      order,
    });
    return result as TrainStepResult;
  }

  async state(): Promise<TrainerState> {
    return (await this.ask({ kind: 'state' }, 1))[0] as TrainerState;
  }

  async average(): Promise<Map<string, NamedArray>> {
    return (await this.ask({ kind: 'average' }, 1))[0] as Map<string, NamedArray>;
  }

  async load(state: TrainerState): Promise<void> {
    await this.ask({ kind: 'load', state });
  }

  /** SHA-256 of the trained numbers of each replica: all equal, or something is wrong. */
  async hashes(): Promise<string[]> {
    return (await this.ask({ kind: 'hash' })) as string[];
  }

  async dispose(): Promise<void> {
    this.failed ??= new Error('ReplicaTrainer: trainer must be in use, got one that was disposed');
    this.exchange.stop();
    await Promise.all(this.replicas.splice(0).map(({ worker }) => worker.terminate()));
  }

  /** Gives an order to the first `count` replicas and waits for all of them; throws what went wrong first. */
  private async ask(order: ReplicaOrder, count = this.count): Promise<unknown[]> {
    if (this.failed) throw this.failed;
    const answers = await Promise.allSettled(
      this.replicas.slice(0, count).map(
        (replica) =>
          new Promise<unknown>((resolve, reject) => {
            replica.waiting = { resolve, reject };
            replica.worker.ref();
            replica.worker.postMessage(order);
          }),
      ),
    );
    const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
    if (errors.length > 0) {
      // Those who were only told to stop know no reason.
      this.failed = errors.find(({ name }) => name !== 'ExchangeStopped') ?? this.failed ?? errors[0];
      throw this.failed;
    }
    return answers.map((answer) => (answer as PromiseFulfilledResult<unknown>).value);
  }

  /** Puts a tensor where all replicas see it. They have read the last one when their step is done. */
  private async share(name: 'frames' | 'features', tensor: Tensor4D): Promise<SharedTensor> {
    const bytes = 4 * tensor.size;
    const before = this.shared[name]?.numbers;
    const numbers = before?.byteLength === bytes ? before : new SharedArrayBuffer(bytes);
    new Float32Array(numbers).set(await tensor.data<'float32'>());
    return (this.shared[name] = { numbers, shape: tensor.shape });
  }
}
