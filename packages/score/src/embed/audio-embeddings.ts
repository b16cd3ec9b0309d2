import type { Waveform } from '@lipsync/contracts';
import { AudioWindows } from '@lipsync/sync-windows';
import type { Embedder } from './embedder';

export type AudioEmbeddingsOptions = {
  /** Windows embedded at once. */
  batchSize: number;
  /** Bytes of rows that are made before they are asked for. Default 16 MiB: 5 minutes of 512 values a row. */
  prefetchBytes?: number;
};

/**
 * Rows of audio for the windows of a video, each made once however many faces and offsets it is compared with.
 *
 * Where the embedder has lanes, rows that were wished for are made before they are needed, while faces are still looked for.
 *
 * @example
 * const audio = new SoundEmbeddings(embedder, () => video.audio(), { batchSize: 16 });
 * const rows = await audio.rows(0, 16);
 */
export class AudioEmbeddings {
  readonly #embedder: Embedder;
  readonly audio: () => AsyncIterable<Waveform>;
  readonly #batchSize: number;
  readonly #dimension: number;
  readonly #mostAhead: number;
  /** By number of the batch: that which is made or being made. */
  readonly #batches = new Map<number, { windows: Promise<number>; rows: Promise<Float32Array> }>();
  #requested: number[] = []; // rising
  #making = 0;
  #windows?: AudioWindows;
  #next = 0; // batch that the windows can be read from
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    embedder: Embedder,
    audio: () => AsyncIterable<Waveform>,
    { batchSize, prefetchBytes = 16 * 2 ** 20 }: AudioEmbeddingsOptions,
  ) {
    const { embeddingSize, audioEmbeddingSize = embeddingSize } = embedder.expert;
    this.#embedder = embedder;
    this.audio = audio;
    this.#batchSize = batchSize;
    this.#dimension = audioEmbeddingSize;
    this.#mostAhead = Math.max(1, Math.floor(prefetchBytes / (batchSize * audioEmbeddingSize * 4)));
  }

  /** Says that the window of frame `frame` will be asked for. */
  prefetch(frame: number): void {
    const batch = Math.floor(frame / this.#batchSize);
    if (
      this.#embedder.concurrency === 0 ||
      this.#closed ||
      batch < this.#next ||
      (this.#requested.at(-1) ?? -1) >= batch
    )
      return;
    this.#requested.push(batch);
    this.#makeAhead();
  }

  /** Whether the audio reaches to the end of the window of frame `frame`, and begins before it. */
  async has(frame: number): Promise<boolean> {
    const batch = Math.floor(frame / this.#batchSize);
    const count = await this.#batch(batch).windows;
    return frame >= this.#opened().first && frame < batch * this.#batchSize + count;
  }

  /**
   * Rows of `count` windows that are there, from that of frame `frame` on.
   *
   * @returns `[count, audioEmbeddingSize]`, a new array.
   */
  async rows(frame: number, count: number): Promise<Float32Array> {
    const [first, last] = [frame, frame + count - 1].map((index) => Math.floor(index / this.#batchSize));
    const batches = Array.from({ length: last - first + 1 }, (_, i) => this.#batch(first + i).rows);
    const rows = new Float32Array(count * this.#dimension);
    for (const [i, batch] of batches.entries()) {
      const from = Math.max(0, frame - (first + i) * this.#batchSize);
      const to = Math.min(this.#batchSize, frame + count - (first + i) * this.#batchSize);
      const at = (first + i) * this.#batchSize + from - frame;
      rows.set((await batch).subarray(from * this.#dimension, to * this.#dimension), at * this.#dimension);
    }
    return rows;
  }

  /** Lets go of windows before that of frame `frame`. */
  forget(frame: number): void {
    const before = Math.floor(frame / this.#batchSize);
    for (const batch of this.#batches.keys()) if (batch < before) this.#batches.delete(batch);
    this.#makeAhead();
  }

  /** Ends the decoding of the audio; rows that are being made are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#requested = [];
    this.#batches.clear();
    await this.#reading.catch(() => {});
    await this.#windows?.close();
  }

  #makeAhead(): void {
    while (
      !this.#closed &&
      this.#requested.length > 0 &&
      this.#making < 2 * this.#embedder.concurrency &&
      this.#batches.size < this.#mostAhead
    ) {
      this.#batch(this.#requested.shift()!);
    }
  }

  #batch(batch: number) {
    const known = this.#batches.get(batch);
    if (known) return known;
    const cut = this.#reading.then(() => this.#cut(batch));
    this.#reading = cut.catch(() => {});
    this.#making++;
    const rows = cut.then(async ({ before, windows }) => {
      const made = await this.#embedder.audio(windows);
      if (before === 0) return made;
      const all = new Float32Array((before + windows.length) * this.#dimension);
      all.set(made, before * this.#dimension);
      return all;
    });
    const done = () => {
      this.#making--;
      this.#makeAhead();
    };
    rows.then(done, done); // an error is said to whoever asks for the rows
    const made = { windows: cut.then(({ before, windows }) => before + windows.length), rows };
    made.windows.catch(() => {});
    this.#batches.set(batch, made);
    return made;
  }

  /** The windows of a batch, and how many places before them have none, as their features would begin before the audio. */
  async #cut(batch: number): Promise<{ before: number; windows: Float32Array[] }> {
    if (batch < this.#next) {
      // Not wished for in time: the audio from its beginning.
      await this.#windows?.close();
      this.#windows = undefined;
    }
    const source = this.#opened();
    const start = batch * this.#batchSize;
    const before = Math.min(this.#batchSize, Math.max(0, source.first - start));
    const windows: Float32Array[] = [];
    for (let frame = start + before; frame < start + this.#batchSize; frame++) {
      source.forget(frame);
      const window = await source.read(frame);
      if (!window) break;
      windows.push(window);
    }
    this.#next = batch + 1;
    return { before, windows };
  }

  #opened(): AudioWindows {
    return (this.#windows ??= new AudioWindows(this.audio(), this.#embedder.expert.recipe));
  }
}
