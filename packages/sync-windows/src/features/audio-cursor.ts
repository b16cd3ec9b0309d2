import type { Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/**
 * Pieces of an audio track that is still being decoded, each reaching no further back than what was forgotten. Silence stands before its
 * beginning and after its end.
 *
 * @example
 * const cursor = new AudioCursor(reader.audio('talk.mp4'));
 * try { const second = await cursor.read(0, 16000); } finally { await cursor.close(); }
 */
export class AudioCursor {
  readonly #pieces: AsyncIterator<Waveform>;
  #ended = false;
  #first = 0; // sample of the oldest value held
  #held = 0;
  #data = new Float32Array(1 << 16);

  constructor(pieces: AsyncIterable<Waveform>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** Samples held now. */
  get held(): number {
    return this.#held;
  }

  /** Samples of the whole audio, once a read went beyond its end. */
  get length(): number | undefined {
    return this.#ended ? this.#first + this.#held : undefined;
  }

  /**
   * Samples `from` to `to`, a copy.
   *
   * @throws RangeError for samples that were forgotten.
   */
  async read(from: number, to: number): Promise<Float32Array> {
    while (!this.#ended && this.#first + this.#held < to) await this.#pull();
    if (Math.max(0, from) < this.#first) {
      fail(RangeError, 'AudioCursor.read', 'from', `at least ${this.#first}, as earlier samples were let go`, from);
    }
    const out = new Float32Array(Math.max(0, to - from));
    const start = Math.max(from, this.#first);
    const part = this.#data.subarray(start - this.#first, Math.min(this.#held, to - this.#first));
    if (start < to) out.set(part, start - from);
    return out;
  }

  /** Lets go of the samples before `sample`. */
  forget(sample: number): void {
    const drop = Math.min(this.#held, sample - this.#first);
    if (drop <= 0) return;
    this.#data.copyWithin(0, drop, this.#held);
    this.#first += drop;
    this.#held -= drop;
  }

  /** Ends the decoding; safe to call twice. */
  async close(): Promise<void> {
    this.#ended = true;
    await this.#pieces.return?.();
  }

  async #pull(): Promise<void> {
    const next = await this.#pieces.next();
    if (next.done) {
      this.#ended = true;
      return;
    }
    const { samples } = next.value;
    if (this.#held + samples.length > this.#data.length) {
      const larger = new Float32Array(Math.max(2 * this.#data.length, this.#held + samples.length));
      larger.set(this.#data.subarray(0, this.#held));
      this.#data = larger;
    }
    this.#data.set(samples, this.#held);
    this.#held += samples.length;
  }
}
