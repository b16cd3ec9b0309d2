import { fail } from '@lipsync/contracts';
import type { WorkerAnswer, WorkerSetup } from './loader-worker';

type Waiting = { resolve: (batch: never) => void; reject: (error: Error) => void };

/**
 * Threads that make batches, each with a store of its own over the same folder.
 *
 * Arrays are handed over, not copied. Whoever asks decides how many steps are under way; they go to the thread with the fewest.
 */
export class BatchWorkers<B> {
  readonly #workers: import('node:worker_threads').Worker[] = [];
  readonly #waiting: Map<number, Waiting>[] = [];
  #failed?: Error;

  private constructor() {}

  /** @throws Error where there are no worker threads. */
  static async start<B>(count: number, setup: WorkerSetup): Promise<BatchWorkers<B>> {
    const threads = await import('node:worker_threads').catch(() => undefined);
    if (!threads?.Worker)
      fail(Error, 'BatchWorkers', 'workers', '0 where there are no worker threads, as in browsers', count);
    const pool = new BatchWorkers<B>();
    // The source's own tests run on the built worker.
    const program = new URL(
      import.meta.url.endsWith('.ts') ? '../../dist/loader-worker.js' : './loader-worker.js',
      import.meta.url,
    );
    for (let i = 0; i < count; i++) {
      const worker = new threads.Worker(program, { workerData: setup });
      const waiting = new Map<number, Waiting>();
      worker.on('message', (answer: WorkerAnswer<B>) => {
        const asked = waiting.get(answer.step);
        if (!asked) return; // the loader was disposed in between
        const { resolve, reject } = asked;
        waiting.delete(answer.step);
        if (waiting.size === 0) worker.unref();
        if ('error' in answer) reject(Object.assign(new Error(answer.error.message), { name: answer.error.name }));
        else resolve(answer.batch as never);
      });
      worker.on('error', (error) => pool.#fail(error as Error));
      worker.on('exit', (code) => pool.#fail(new Error(`BatchWorkers: a worker must live, got exit status ${code}`)));
      worker.unref(); // an idle loader does not keep a program alive
      pool.#workers.push(worker);
      pool.#waiting.push(waiting);
    }
    return pool;
  }

  /** The batch of a step. */
  make(step: number): Promise<B> {
    if (this.#failed) return Promise.reject(this.#failed);
    const sizes = this.#waiting.map(({ size }) => size);
    const free = sizes.indexOf(Math.min(...sizes));
    return new Promise<B>((resolve, reject) => {
      this.#waiting[free].set(step, { resolve, reject });
      this.#workers[free].ref();
      this.#workers[free].postMessage(step);
    });
  }

  /** Ends the threads; what was asked for fails. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#fail(new Error('BatchWorkers: loader must be in use, got one that was disposed'));
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const waiting of this.#waiting) {
      for (const { reject } of waiting.values()) reject(this.#failed);
      waiting.clear();
    }
  }
}
