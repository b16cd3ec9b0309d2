import { fail } from '@lipsync/contracts';
import type { Embedder, ExpertFacts } from '@lipsync/metrics';
import type { Tinypool } from 'tinypool';
import type { EmbedTask, ExpertWorkerSetup } from './expert-worker';

/** Batches of a thread: the one it computes, and the next, so that it need not wait for this one. */
const BATCHES_PER_THREAD = 2;

/**
 * An expert in worker threads, each with a copy on a backend of its own; every batch goes to the thread with the
 * fewest.
 *
 * Embeddings equal those of `localEmbedder`, bit for bit, as long as batches are the same. `dispose` it, or the threads
 * live on. Node only.
 *
 * @example
 * const backend = { backend: 'wasm', threads: 1 } as const;
 * const threads = await ExpertThreads.start(2, { weights: 'expert.safetensors', options: {}, backend });
 * const rows = await threads.visual(windows);
 * await threads.dispose();
 */
export class ExpertThreads implements Embedder {
  readonly concurrency: number;
  readonly expert: ExpertFacts;
  readonly #pool: Tinypool;
  #disposed = false;

  private constructor(pool: Tinypool, expert: ExpertFacts) {
    this.#pool = pool;
    this.expert = expert;
    this.concurrency = pool.options.maxThreads;
  }

  /**
   * Starts the threads; each reads the weights itself.
   *
   * @throws what loading the expert throws.
   */
  static async start(count: number, setup: ExpertWorkerSetup): Promise<ExpertThreads> {
    // Tests of the source run the built worker.
    const inDist = import.meta.url.endsWith('.ts') ? '../../dist/expert-worker.js' : './expert-worker.js';
    const { Tinypool } = await nodePackage<typeof import('tinypool')>('tinypool');
    const pool = new Tinypool({
      filename: new URL(inDist, import.meta.url).href,
      minThreads: count,
      maxThreads: count,
      concurrentTasksPerWorker: BATCHES_PER_THREAD,
      // Atomics stop a thread's event loop while there is no task, and with it the loading of the weights.
      useAtomics: false,
      workerData: setup,
    });
    try {
      const facts: ExpertFacts[] = await Promise.all(
        Array.from({ length: count }, () => pool.run(undefined, { name: 'facts' })),
      );
      return new ExpertThreads(pool, facts[0]);
    } catch (error) {
      await pool.destroy();
      throw error;
    }
  }

  visual(windows: readonly Float32Array[]): Promise<Float32Array> {
    return this.#embed('visual', windows);
  }

  audio(windows: readonly Float32Array[]): Promise<Float32Array> {
    return this.#embed('audio', windows);
  }

  /** Ends the threads; pending batches fail. Safe to call twice. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#pool.destroy();
  }

  async #embed(tower: EmbedTask['tower'], windows: readonly Float32Array[]): Promise<Float32Array> {
    this.#assertUsable();
    if (windows.length === 0) return new Float32Array(0);
    const data = new Float32Array(windows.length * windows[0].length);
    windows.forEach((window, i) => data.set(window, i * window.length));
    const task: EmbedTask = { tower, data, count: windows.length };
    try {
      return new Float32Array(await this.#pool.run(task, { name: 'embed', transferList: [data.buffer] }));
    } catch (error) {
      this.#assertUsable();
      throw error;
    }
  }

  #assertUsable(): void {
    if (this.#disposed) fail(Error, 'ExpertThreads', 'threads', 'in use', 'disposed ones');
  }
}

/** Imports a package for Node by a name that bundlers for browsers do not follow. */
function nodePackage<T>(name: string): Promise<T> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name) as Promise<T>;
}
