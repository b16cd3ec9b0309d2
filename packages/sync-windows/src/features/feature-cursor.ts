import type { FeatureStream } from '@lipsync/audio-mel';
import { featureStream } from '@lipsync/audio-mel';
import type { AudioFeatureName, Features, Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';

/**
 * Windows of the mel of an audio track that is still being decoded, each reaching no further back than what was forgotten.
 * Holds the steps from the last `forget` to the farthest read, and no more of the audio than one piece.
 *
 * @example
 * const cursor = new FeatureCursor(reader.audio('talk.mp4'), 'THESIS_MEL');
 * try { const { data, steps } = await cursor.read(160, 32); } finally { await cursor.close(); }
 */
export class FeatureCursor {
  readonly bins: number;
  readonly #stream: FeatureStream;
  readonly #pieces: AsyncIterator<Waveform>;
  #ended = false;
  #first = 0; // step of the oldest value held
  #held = 0; // steps held
  #floor = 0; // steps before it are not kept when they come
  #data: Float32Array;

  constructor(pieces: AsyncIterable<Waveform>, features: AudioFeatureName) {
    this.#stream = featureStream(features);
    this.bins = this.#stream.bins;
    this.#pieces = pieces[Symbol.asyncIterator]();
    this.#data = new Float32Array(256 * this.bins);
  }

  /** Steps held now. */
  get held(): number {
    return this.#held;
  }

  /**
   * `steps` steps from `start` on, a copy; fewer, or none, where the audio ends before.
   *
   * @throws RangeError for steps that were forgotten.
   */
  async read(start: number, steps: number): Promise<Features> {
    const oldest = Math.max(this.#first, this.#floor);
    if (start < oldest)
      fail(RangeError, 'FeatureCursor.read', 'start', `at least ${oldest}, as earlier steps were let go`, start);
    while (!this.#ended && this.#first + this.#held < start + steps) await this.#pull();
    const from = Math.min(this.#held, Math.max(0, start - this.#first));
    const to = Math.min(this.#held, from + steps);
    return { data: this.#data.slice(from * this.bins, to * this.bins), steps: to - from, bins: this.bins };
  }

  /** Lets go of the steps before `step`. */
  forget(step: number): void {
    this.#floor = Math.max(this.#floor, step);
    const drop = Math.min(this.#held, step - this.#first);
    if (drop <= 0) return;
    this.#data.copyWithin(0, drop * this.bins, this.#held * this.bins);
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
      this.#append(this.#stream.end());
    } else {
      this.#append(this.#stream.push(next.value.samples));
    }
  }

  #append(fresh: Float32Array): void {
    const stale = Math.min(fresh.length / this.bins, Math.max(0, this.#floor - this.#first - this.#held));
    this.#first += stale; // only where nothing is held
    const rows = fresh.subarray(stale * this.bins);
    const held = this.#held * this.bins;
    if (held + rows.length > this.#data.length) {
      const larger = new Float32Array(Math.max(2 * this.#data.length, held + rows.length));
      larger.set(this.#data.subarray(0, held));
      this.#data = larger;
    }
    this.#data.set(rows, held);
    this.#held += rows.length / this.bins;
  }
}
