import type { Readable } from 'node:stream';

/**
 * Bytes of a child's output that wait in memory. Nothing is read from the pipe before `flow(true)`; how much may wait is its
 * owner's business, whom `changed` tells that bytes came, were taken or are wanted.
 */
export class PipeQueue {
  /** How many bytes wait. */
  bytes = 0;
  /** Whether somebody waits for more than there is. */
  wanted = false;
  /** Given up: what comes is thrown away, so that the child can go on. */
  lost = false;
  /** No more will come. */
  over = false;

  #chunks: Uint8Array[] = [];
  #waiting: (() => void)[] = [];
  #flowing = false;

  readonly #stream: Readable;
  readonly #changed: () => void;

  constructor(stream: Readable, changed: () => void) {
    this.#stream = stream;
    this.#changed = changed;
    stream.on('error', () => undefined); // of a child that was killed; the run's end tells the reason
    stream.pause();
    stream.on('data', (chunk: Uint8Array) => {
      if (this.lost) return;
      this.#chunks.push(chunk);
      this.bytes += chunk.length;
      this.#wake();
      this.#changed();
    });
  }

  /** Lets the pipe be read, or makes the child wait. */
  flow(on: boolean): void {
    if (on === this.#flowing) return;
    this.#flowing = on;
    if (on) this.#stream.resume();
    else this.#stream.pause();
  }

  /**
   * Waits for `count` bytes: a new array over a buffer of its own, shorter only where no more will come; undefined where the
   * queue is lost.
   */
  async read(count: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.bytes < count && !this.over && !this.lost) {
      this.wanted = true;
      const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.#changed();
      await woken;
    }
    this.wanted = false;
    if (this.lost) return undefined;
    const taken = this.#take(Math.min(count, this.bytes));
    this.#changed();
    return taken;
  }

  /** Throws away what waits and what will come. */
  lose(): void {
    if (this.lost) return;
    this.lost = true;
    this.#chunks = [];
    this.bytes = 0;
    this.#wake();
    this.#changed();
  }

  /** Says that no more will come. */
  finish(): void {
    this.over = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #take(count: number): Uint8Array<ArrayBuffer> {
    const taken = new Uint8Array(count);
    let filled = 0;
    let used = 0;
    while (filled < count) {
      const chunk = this.#chunks[used];
      const part = chunk.length <= count - filled ? chunk : chunk.subarray(0, count - filled);
      taken.set(part, filled);
      filled += part.length;
      if (part.length === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, used);
    this.bytes -= count;
    return taken;
  }
}
