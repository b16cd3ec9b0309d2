import { fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';

/** Memory that replicas share; it can be posted to other threads as it is. */
export type ExchangeMemory = {
  /** Replicas. */
  count: number;
  /** Values that each replica may place at a time. */
  capacity: number;
  /** Longest wait for the others, milliseconds. */
  timeoutMs: number;
  /** Int32: replicas that arrived, round, stopped, then the number of values that each placed. */
  control: SharedArrayBuffer;
  /** Float32: what each replica placed, `capacity` values each, then the sums. */
  values: SharedArrayBuffer;
};

export type ExchangeMemoryOptions = {
  /** Replicas, 1 at least. */
  count: number;
  /** Values that each may place at a time: those of all gradients, or of its rows of embeddings if these are more. */
  capacity: number;
  /**
   * Longest wait for the others, seconds. A replica that fails ends the wait at once; this is for everything else.
   * Default 600.
   */
  timeoutSec?: number;
};

/**
 * Memory for the replicas of a training run, `4 · capacity · (count + 1)` bytes.
 *
 * @throws RangeError if a count is not a whole number above 0.
 * @example
 * import { Worker } from 'node:worker_threads';
 * import { exchangeMemory } from '@lipsync/train';
 * const memory = exchangeMemory({ count: 2, capacity: 700_000 });
 * new Worker('./replica.js', { workerData: { memory, rank: 1 } });
 */
export function exchangeMemory({ count, capacity, timeoutSec = 600 }: ExchangeMemoryOptions): ExchangeMemory {
  for (const [name, value] of Object.entries({ count, capacity })) {
    if (!(Number.isInteger(value) && value >= 1))
      fail(RangeError, 'exchangeMemory', name, 'a whole number from 1', value);
  }
  if (!(timeoutSec > 0)) fail(RangeError, 'exchangeMemory', 'timeoutSec', 'above 0', timeoutSec);
  return {
    count,
    capacity,
    timeoutMs: timeoutSec * 1000,
    control: new SharedArrayBuffer(4 * (LENGTHS + count)),
    values: new SharedArrayBuffer(4 * capacity * (count + 1)),
  };
}

const ARRIVED = 0;
const ROUND = 1;
const STOPPED = 2;
const LENGTHS = 3;

/** A waiting thread checks this often whether the others were stopped, in case it began to wait just as they were. */
const CHECK_MS = 500;

/** Thrown by the replicas that wait for one that failed; that one throws the reason. */
export class ExchangeStopped extends Error {
  override readonly name = 'ExchangeStopped';
}

/**
 * The exchange between the replicas of a training run, one a thread: through shared memory, waiting for one another by
 * `Atomics.wait`.
 *
 * All replicas must make the same calls in the same order. A call returns when all have made it. It blocks its thread
 * meanwhile, so browsers allow it in workers only. The result is the same, bit by bit, in every replica and every run.
 *
 * A replica that cannot continue calls `stop()`; the waiting others then throw `ExchangeStopped`. The thread that made
 * the memory holds an exchange too (rank 0 will do) and stops it when a thread ends, so that a dead replica never
 * leaves the others waiting.
 *
 * @throws RangeError if `rank` is not that of a replica.
 * @example
 * import { workerData } from 'node:worker_threads';
 * import { SharedExchange } from '@lipsync/train';
 * const exchange = new SharedExchange(workerData.memory, workerData.rank);
 * const [first, second] = exchange.gather(embeddings.dataSync());
 * await exchange.sum(gradients);
 */
export class SharedExchange {
  readonly rank: number;
  /** Replicas. */
  readonly count: number;
  readonly #memory: ExchangeMemory;
  readonly #control: Int32Array;
  readonly #values: Float32Array;

  constructor(memory: ExchangeMemory, rank: number) {
    if (!(Number.isInteger(rank) && rank >= 0 && rank < memory.count)) {
      fail(RangeError, 'SharedExchange', 'rank', `from 0 to ${memory.count - 1}`, rank);
    }
    this.rank = rank;
    this.count = memory.count;
    this.#memory = memory;
    this.#control = new Int32Array(memory.control);
    this.#values = new Float32Array(memory.values);
  }

  /** Whether a replica stopped. */
  get stopped(): boolean {
    return Atomics.load(this.#control, STOPPED) !== 0;
  }

  /** Ends all waiting, now and later. */
  stop(): void {
    Atomics.store(this.#control, STOPPED, 1);
    Atomics.notify(this.#control, ROUND);
  }

  /**
   * The values of all replicas; their lengths may differ.
   *
   * Synchronous, so that it can be called inside a function that tfjs differentiates.
   *
   * @returns copies, in order of rank.
   * @throws RangeError for more values than the memory was made for; ExchangeStopped; Error if the others do not
   *   arrive in time.
   */
  gather(own: Float32Array): Float32Array[] {
    this.#place('gather', own.length).set(own);
    Atomics.store(this.#control, LENGTHS + this.rank, own.length);
    this.#meet();
    const all = Array.from({ length: this.count }, (_, rank) =>
      this.#of(rank, Atomics.load(this.#control, LENGTHS + rank)).slice(),
    );
    this.#meet(); // before anyone writes again
    return all;
  }

  /**
   * Replaces every gradient by the sum over all replicas. Each replica sums one slice, always in order of rank.
   *
   * @param gradients of any rank, of the same names and shapes in every replica; changed in place: the old tensors are
   *   disposed and replaced.
   * @throws as `gather`; the gradients are then as they were.
   */
  async sum(gradients: Map<string, tf.Tensor>): Promise<void> {
    let size = 0;
    for (const gradient of gradients.values()) size += gradient.size;
    const own = this.#place('sum', size);
    let at = 0;
    for (const gradient of gradients.values()) {
      own.set(await gradient.data<'float32'>(), at);
      at += gradient.size;
    }
    this.#meet();
    const sums = this.#of(this.count, size);
    const parts = Array.from({ length: this.count }, (_, rank) => this.#of(rank, size));
    const [first, end] = [
      Math.floor((size * this.rank) / this.count),
      Math.floor((size * (this.rank + 1)) / this.count),
    ];
    sums.set(parts[0].subarray(first, end), first);
    for (const part of parts.slice(1)) for (let index = first; index < end; index++) sums[index] += part[index];
    this.#meet();
    at = 0;
    for (const [name, gradient] of gradients) {
      // A copy: some backends keep the array that they are given.
      gradients.set(name, tf.tensor(sums.slice(at, at + gradient.size), gradient.shape));
      at += gradient.size;
      gradient.dispose();
    }
    // The sums are not written before the next meeting, which no replica reaches without having read them.
  }

  #of(rank: number, length: number): Float32Array {
    return this.#values.subarray(rank * this.#memory.capacity, rank * this.#memory.capacity + length);
  }

  #place(method: string, length: number): Float32Array {
    const { capacity } = this.#memory;
    if (length > capacity)
      fail(RangeError, `SharedExchange.${method}`, 'what is exchanged', `at most ${capacity} values`, length);
    return this.#of(this.rank, length);
  }

  /** Returns when all replicas are here. */
  #meet(): void {
    const { count } = this;
    const [control, memory] = [this.#control, this.#memory];
    this.#assertRunning();
    const round = Atomics.load(control, ROUND);
    if (Atomics.add(control, ARRIVED, 1) === count - 1) {
      Atomics.store(control, ARRIVED, 0);
      Atomics.add(control, ROUND, 1);
      Atomics.notify(control, ROUND);
      return;
    }
    const deadline = performance.now() + memory.timeoutMs;
    while (Atomics.load(control, ROUND) === round) {
      this.#assertRunning();
      const left = deadline - performance.now();
      if (left <= 0) {
        const here = Atomics.load(control, ARRIVED);
        this.stop();
        fail(
          Error,
          'SharedExchange',
          'the replicas',
          `all ${count} here within ${memory.timeoutMs / 1000} s`,
          `${here} of them`,
        );
      }
      Atomics.wait(control, ROUND, round, Math.min(left, CHECK_MS));
    }
  }

  #assertRunning(): void {
    if (this.stopped) throw new ExchangeStopped('SharedExchange: all replicas must continue, got one that stopped');
  }
}
