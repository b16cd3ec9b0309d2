import type { Waveform } from '@lipsync/contracts';
import type { Embedder } from '@lipsync/metrics';
import { FeatureWindows, type MeasuredLoudness } from '@lipsync/sync-windows';

export type AudioEmbeddingsOptions = {
  /** Windows per batch. */
  batchSize: number;
  /** Bytes of embeddings that are computed before they are asked for. Default 16 MiB: 5 minutes of 512 values each. */
  prefetchBytes?: number;
  /** How loud the audio is, where the expert's recipe brings it to a level: see `FeatureWindows`. */
  loudness?: MeasuredLoudness;
};

/** A batch of consecutive frames, computed or being computed. */
type Batch = {
  /** Frames of the batch that have a window, counted from its first frame. */
  windows: Promise<number>;
  rows: Promise<Float32Array>;
};

/**
 * The audio embeddings of a video, each computed once for however many faces and offsets it is compared with, in
 * batches that always begin at the same frames.
 *
 * Where the embedder runs beside this thread, `prefetch` computes them while faces are still searched. `close` it, or
 * the decoder lives on.
 *
 * @example
 * const audio = new AudioEmbeddings(embedder, () => video.audio(), { batchSize: 16 });
 * const rows = await audio.rows(0, 16); // [16, audioEmbeddingSize]
 * await audio.close();
 */
export class AudioEmbeddings {
  readonly #embedder: Embedder;
  readonly #audio: () => AsyncIterable<Waveform>;
  readonly #batchSize: number;
  readonly #dimension: number;
  readonly #mostBatches: number;
  readonly #loudness?: MeasuredLoudness;
  /** By index of the batch. */
  readonly #batches = new Map<number, Batch>();
  #requested: number[] = []; // batches to prefetch, rising
  #computing = 0;
  #windows?: FeatureWindows;
  #next = 0; // batch at which the windows stand
  #reading: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param audio opens the audio, 16 kHz mono, from frame 0 on; called again where a read goes back. */
  constructor(
    embedder: Embedder,
    audio: () => AsyncIterable<Waveform>,
    { batchSize, prefetchBytes = 16 * 2 ** 20, loudness }: AudioEmbeddingsOptions,
  ) {
    const { embeddingSize, audioEmbeddingSize = embeddingSize } = embedder.expert;
    this.#embedder = embedder;
    this.#audio = audio;
    this.#loudness = loudness;
    this.#batchSize = batchSize;
    this.#dimension = audioEmbeddingSize;
    this.#mostBatches = Math.max(1, Math.floor(prefetchBytes / (batchSize * audioEmbeddingSize * 4)));
  }

  /** The embedder of a face: its audio windows are frames of the video, from `firstFrame` of this audio on. */
  embedder(firstFrame = 0): Embedder<number> {
    const { expert, concurrency } = this.#embedder;
    return {
      expert,
      concurrency,
      visual: (windows) => this.#embedder.visual(windows),
      audio: (frames) => this.rows(frames[0] - firstFrame, frames.length),
      ...(this.#embedder.pairDistances ? { pairDistances: this.#embedder.pairDistances.bind(this.#embedder) } : {}),
      dispose: async () => {}, // borrowed
    };
  }

  /** Announces that the window of `frame` will be needed. */
  prefetch(frame: number): void {
    const batch = this.#batchOf(frame);
    const known = batch < this.#next || (this.#requested.at(-1) ?? -1) >= batch;
    if (this.#embedder.concurrency === 0 || this.#closed || known) return;
    this.#requested.push(batch);
    this.#computeAhead();
  }

  /** Whether the audio reaches to the end of the window of `frame`, and begins before it. */
  async has(frame: number): Promise<boolean> {
    const batch = this.#batchOf(frame);
    const count = await this.#batch(batch).windows;
    return frame >= this.#opened().first && frame < batch * this.#batchSize + count;
  }

  /**
   * The embeddings of `count` windows, from that of `frame` on; the audio must have them all.
   *
   * @returns `[count, audioEmbeddingSize]`, float32, a new array.
   */
  async rows(frame: number, count: number): Promise<Float32Array> {
    const [first, last] = [this.#batchOf(frame), this.#batchOf(frame + count - 1)];
    const batches = Array.from({ length: last - first + 1 }, (_, i) => this.#batch(first + i).rows);
    const rows = new Float32Array(count * this.#dimension);
    for (const [i, batch] of batches.entries()) {
      const start = (first + i) * this.#batchSize;
      const from = Math.max(0, frame - start);
      const to = Math.min(this.#batchSize, frame + count - start);
      const part = (await batch).subarray(from * this.#dimension, to * this.#dimension);
      rows.set(part, (start + from - frame) * this.#dimension);
    }
    return rows;
  }

  /** Releases windows before that of `frame`. */
  forget(frame: number): void {
    const before = this.#batchOf(frame);
    for (const batch of this.#batches.keys()) if (batch < before) this.#batches.delete(batch);
    this.#computeAhead();
  }

  /** Ends the decoding of the audio; embeddings that are being computed are dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#requested = [];
    this.#batches.clear();
    await this.#reading.catch(() => {});
    await this.#windows?.close();
  }

  #batchOf(frame: number): number {
    return Math.floor(frame / this.#batchSize);
  }

  #computeAhead(): void {
    while (
      !this.#closed &&
      this.#requested.length > 0 &&
      this.#computing < 2 * this.#embedder.concurrency &&
      this.#batches.size < this.#mostBatches
    ) {
      this.#batch(this.#requested.shift()!);
    }
  }

  #batch(index: number): Batch {
    const known = this.#batches.get(index);
    if (known) return known;
    const cut = this.#reading.then(() => this.#cut(index));
    this.#reading = cut.catch(() => {});
    this.#computing++;
    const rows = cut.then(async ({ before, windows }) => {
      const computed = await this.#embedder.audio(windows);
      if (before === 0) return computed;
      const all = new Float32Array((before + windows.length) * this.#dimension);
      all.set(computed, before * this.#dimension);
      return all;
    });
    const done = () => {
      this.#computing--;
      this.#computeAhead();
    };
    rows.then(done, done); // errors are thrown where the rows are awaited
    const batch = { windows: cut.then(({ before, windows }) => before + windows.length), rows };
    batch.windows.catch(() => {});
    this.#batches.set(index, batch);
    return batch;
  }

  /**
   * The windows of a batch, and how many frames before them have none, as their features would begin before the audio.
   */
  async #cut(index: number): Promise<{ before: number; windows: Float32Array[] }> {
    if (index < this.#next) {
      // Forgotten, or never prefetched: the audio from its beginning.
      await this.#windows?.close();
      this.#windows = undefined;
    }
    const source = this.#opened();
    const start = index * this.#batchSize;
    const before = Math.min(this.#batchSize, Math.max(0, source.first - start));
    const windows: Float32Array[] = [];
    for (let frame = start + before; frame < start + this.#batchSize; frame++) {
      source.forget(frame);
      const window = await source.read(frame);
      if (!window) break;
      windows.push(window);
    }
    this.#next = index + 1;
    return { before, windows };
  }

  #opened(): FeatureWindows {
    return (this.#windows ??= new FeatureWindows(this.#audio(), this.#embedder.expert.recipe, this.#loudness));
  }
}
