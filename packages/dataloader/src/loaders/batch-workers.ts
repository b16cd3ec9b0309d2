import { fail } from '@lipsync/contracts';
import type { Tinypool } from 'tinypool';
import type { WorkerSetup } from './loader-worker';

/**
 * Threads that make batches, each with a store of its own over the same folder.
 *
 * The batches' arrays are transferred, not copied. Each thread makes one batch at a time; steps that are asked for
 * meanwhile wait.
 */
export class BatchWorkers<B> {
  readonly #pool: Tinypool;
  #disposed = false;

  private constructor(pool: Tinypool) {
    this.#pool = pool;
  }

  /** @throws Error where there are no worker threads. */
  static async start<B>(count: number, setup: WorkerSetup): Promise<BatchWorkers<B>> {
    if (typeof process === 'undefined' || !process.versions?.node)
      fail(Error, 'BatchWorkers', 'workers', '0 where there are no worker threads, as in browsers', count);
    const { Tinypool } = await import('tinypool');
    // The source's own tests run on the built worker.
    const built = import.meta.url.endsWith('.ts') ? '../../dist/loader-worker.js' : './loader-worker.js';
    const filename = new URL(built, import.meta.url).href;
    return new BatchWorkers(new Tinypool({ filename, workerData: setup, minThreads: count, maxThreads: count }));
  }

  /** The batch of a step. */
  async make(step: number): Promise<B> {
    try {
      return (await this.#pool.run(step)) as B;
    } catch (error) {
      if (this.#disposed) fail(Error, 'BatchWorkers', 'loader', 'in use', 'one that was disposed');
      throw error;
    }
  }

  /** Ends the threads; steps that were asked for reject. Safe to call twice. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#pool.destroy();
  }
}
