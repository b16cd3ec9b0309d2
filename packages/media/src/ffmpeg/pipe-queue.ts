import type { Readable } from 'node:stream';

/**
 * Bytes of a child's output, queued in memory. Nothing is read from the pipe before `flow(true)`. The owner limits the
 * queue: `changed` is called when bytes arrive, are taken or are awaited.
 */
export class PipeQueue {
  /** Queued bytes. */
  bytes = 0;
  /** Whether a `read` waits for more bytes than are queued. */
  wanted = false;
  /** Given up: further bytes are discarded, so that the child can continue. */
  lost = false;
  /** The pipe has ended. */
  over = false;

  #chunks: Uint8Array[] = [];
  #waiting: (() => void)[] = [];
  #flowing = false;

  readonly #stream: Readable;
  readonly #changed: () => void;

  constructor(stream: Readable, changed: () => void) {
    this.#stream = stream;
    this.#changed = changed;
    stream.on('error', () => undefined); // of a child that was killed; the reason is in the run's end
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
   * Waits for `count` bytes: a new array over a buffer of its own, shorter only at the end of the pipe; undefined where
   * the queue is lost.
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

  /** Discards queued and further bytes. */
  lose(): void {
    if (this.lost) return;
    this.lost = true;
    this.#chunks = [];
    this.bytes = 0;
    this.#wake();
    this.#changed();
  }

  /** Marks the end of the pipe. */
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
