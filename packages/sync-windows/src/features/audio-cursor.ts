import type { Waveform } from '@lipsync/contracts';
import { RowCursor } from './row-cursor';

/**
 * Samples of an audio track that is still being decoded. Silence stands before its beginning and after its end.
 *
 * Holds the samples from the last `forget` to the farthest read, and one piece. `close` it, or the decoder lives on.
 *
 * @example
 * const cursor = new AudioCursor(reader.audio('talk.mp4'));
 * const second = await cursor.read(0, 16000);
 * await cursor.close();
 */
export class AudioCursor {
  readonly #samples: RowCursor;

  constructor(pieces: AsyncIterable<Waveform>) {
    this.#samples = new RowCursor(samplesOf(pieces), { dimension: 1, where: 'AudioCursor.read' });
  }

  /** Samples held now. */
  get held(): number {
    return this.#samples.held;
  }

  /** Samples of the whole audio, once a read went beyond its end. */
  get length(): number | undefined {
    return this.#samples.ended ? this.#samples.count : undefined;
  }

  /**
   * The samples from `from` up to but not including `to`, a copy.
   *
   * @throws RangeError for samples that were forgotten.
   */
  async read(from: number, to: number): Promise<Float32Array> {
    const start = Math.max(0, from);
    const out = new Float32Array(Math.max(0, to - from));
    if (start < to) out.set(await this.#samples.read(start, to), start - from);
    return out;
  }

  /** Releases the samples before `sample`. */
  forget(sample: number): void {
    this.#samples.forget(Math.max(0, sample));
  }

  /** Ends the decoding; safe to call twice. */
  close(): Promise<void> {
    return this.#samples.close();
  }
}

async function* samplesOf(pieces: AsyncIterable<Waveform>): AsyncGenerator<Float32Array> {
  for await (const { samples } of pieces) yield samples;
}
