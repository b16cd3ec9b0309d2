import { Worker } from 'node:worker_threads';
import type { ExpertFacts } from '@lipsync/metrics';
import type { Embedder } from './embedder';
import type { ExpertAnswer, ExpertOrder, ExpertWorkerSetup } from './expert-worker';

type Asked = { order: ExpertOrder; resolve: (rows: Float32Array) => void; reject: (error: Error) => void };

type Lane = { worker: Worker; asked: Asked[] };

/** Batches a thread has: the one it computes, and the next, so that it need not wait for this one. */
const DEPTH = 2;

/**
 * An expert in threads, each with a copy on a backend of its own: batches of windows go to whichever has fewest.
 *
 * Rows are those of `embedHere`, bit for bit, as long as batches are the same. `dispose` it, or its threads live on.
 *
 * @example
 * const threads = await ExpertThreads.start(2, { weights: 'expert.safetensors', options: {}, backend: { backend: 'wasm', threads: 1 } });
 * try { const rows = await threads.frames(windows); } finally { await threads.dispose(); }
 */
export class ExpertThreads implements Embedder {
  readonly concurrency: number;
  readonly #concurrency: Lane[];
  readonly #waiting: Asked[] = [];
  #expert?: ExpertFacts;
  #failed?: Error;

  private constructor(count: number, setup: ExpertWorkerSetup) {
    // The source's own tests run on the built worker.
    const program = new URL(
      import.meta.url.endsWith('.ts') ? '../../dist/expert-worker.js' : './expert-worker.js',
      import.meta.url,
    );
    this.concurrency = count;
    this.#concurrency = Array.from({ length: count }, () => ({
      worker: new Worker(program, { workerData: setup }),
      asked: [],
    }));
  }

  /**
   * Starts the threads; each reads the weights itself.
   *
   * @throws what reading the expert throws.
   */
  static async start(count: number, setup: ExpertWorkerSetup): Promise<ExpertThreads> {
    const threads = new ExpertThreads(count, setup);
    try {
      const facts = await Promise.all(threads.#concurrency.map((lane) => threads.#listen(lane)));
      threads.#expert = facts[0];
      return threads;
    } catch (error) {
      await threads.dispose();
      throw error;
    }
  }

  get expert(): ExpertFacts {
    return this.#expert!;
  }

  visual(windows: Float32Array[]): Promise<Float32Array> {
    return this.#ask('pictures', windows);
  }

  audio(windows: Float32Array[]): Promise<Float32Array> {
    return this.#ask('sound', windows);
  }

  /** Ends the threads; what was asked for fails. Safe to call twice. */
  async dispose(): Promise<void> {
    this.#fail(new Error('ExpertThreads: threads must be in use, got disposed ones'));
    await Promise.all(this.#concurrency.map(({ worker }) => worker.terminate()));
  }

  #listen(lane: Lane): Promise<ExpertFacts> {
    return new Promise((resolve, reject) => {
      const end = (error: Error) => {
        reject(error);
        this.#fail(error);
      };
      lane.worker.on('message', (answer: ExpertAnswer) => {
        if ('ready' in answer) return resolve(answer.ready);
        if ('failed' in answer) return end(asError(answer.failed));
        const asked = lane.asked.shift(); // answers come in order
        if ('error' in answer) asked?.reject(asError(answer.error));
        else asked?.resolve(answer.rows);
        this.#go();
      });
      lane.worker.on('error', (error) => end(error as Error));
      lane.worker.on('exit', (code) => end(new Error(`ExpertThreads: a thread must live, got exit status ${code}`)));
    });
  }

  #ask(tower: ExpertOrder['tower'], windows: Float32Array[]): Promise<Float32Array> {
    if (this.#failed) return Promise.reject(this.#failed);
    if (windows.length === 0) return Promise.resolve(new Float32Array(0));
    const data = new Float32Array(windows.length * windows[0].length);
    windows.forEach((window, i) => data.set(window, i * window.length));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ order: { tower, data, count: windows.length }, resolve, reject });
      this.#go();
    });
  }

  #go(): void {
    while (this.#waiting.length > 0) {
      const lane = this.#concurrency.reduce((a, b) => (b.asked.length < a.asked.length ? b : a));
      if (lane.asked.length >= DEPTH) return;
      const asked = this.#waiting.shift()!;
      lane.asked.push(asked);
      lane.worker.postMessage(asked.order, [asked.order.data.buffer as ArrayBuffer]);
    }
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const lane of this.#concurrency) {
      for (const { reject } of lane.asked.splice(0)) reject(this.#failed);
    }
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failed);
  }
}

/** An error of the thread as it was there, its kind kept. */
function asError({ name, message }: { name: string; message: string }): Error {
  const kind = [TypeError, RangeError].find((known) => known.name === name) ?? Error;
  return Object.assign(new kind(message), { name });
}
