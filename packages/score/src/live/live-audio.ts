import { resampleStream, voiceActivity } from '@lipsync/audio-mel';
import { AUDIO_SAMPLE_RATE, fail, type Waveform } from '@lipsync/contracts';
import type { Embedder } from '@lipsync/metrics';
import { RowQueue } from '@lipsync/nn/arrays';
import { FeatureWindows } from '@lipsync/sync-windows';
import { AudioQueue } from './audio-queue';
import { AudioPlacer } from './clock/audio-placer';
import { RowRuns } from './row-runs';

/** Windows of audio in a batch. */
const BATCH = 8;
/** Seconds that are resampled at a time. */
const RESAMPLED_SEC = 0.3;
/** Audio that waits longer than this is not taken. */
const MOST_WAITING_SEC = 5;
/** A run begins at a frame at which a step of the features begins, as in every recipe at each fifth frame. */
const ALIGNED_FRAMES = 5;
/** A shorter run has no features. */
const FEWEST_SAMPLES = 401;

export type LiveAudioOptions = {
  embedder: Embedder;
  /** Frames of audio that are kept. */
  keptFrames: number;
  /** Called when there are more rows. */
  onRows: () => void;
};

/**
 * The audio side of a live meter: pieces with time stamps to embeddings by frame.
 *
 * Memory: the embeddings and samples of the last `keptFrames`, and at most five seconds of audio that wait.
 */
export class LiveAudio {
  /** Embeddings, the row of the window that begins at a frame. */
  readonly rows: RowRuns;
  readonly #options: LiveAudioOptions;
  readonly #fps: number;
  #placer?: AudioPlacer;
  #sampleRate = 0;
  #queue?: AudioQueue;
  /** All that was read until now is embedded. */
  #done: Promise<void> = Promise.resolve();
  /** The last samples at 16 kHz, and the frame at which they begin. */
  #recent = new RowQueue(1, AUDIO_SAMPLE_RATE);
  #recentFrom = 0;
  #droppedSec = 0;
  #error?: unknown;

  constructor(options: LiveAudioOptions) {
    const { embeddingSize, audioEmbeddingSize = embeddingSize, recipe } = options.embedder.expert;
    this.#options = options;
    this.#fps = recipe.fps;
    this.rows = new RowRuns(audioEmbeddingSize);
  }

  /** Seconds that were not taken, as too much waited. */
  get droppedSec(): number {
    return this.#droppedSec;
  }

  /** Seconds that wait. */
  get waitingSec(): number {
    return this.#queue ? this.#queue.waiting / this.#sampleRate : 0;
  }

  /** @throws what went wrong with audio that was taken. */
  throwError(): void {
    if (this.#error !== undefined) throw this.#error;
  }

  /** @returns false where the audio is dropped. */
  push({ samples, sampleRate }: Waveform, timeSec: number): boolean {
    this.throwError();
    if (!(Number.isInteger(sampleRate) && sampleRate > 0))
      fail(RangeError, 'SyncMeter.pushAudio', 'audio.sampleRate', 'a whole number above 0', sampleRate);
    if (!this.#placer) {
      this.#sampleRate = sampleRate;
      this.#placer = new AudioPlacer(sampleRate);
    } else if (sampleRate !== this.#sampleRate)
      fail(RangeError, 'SyncMeter.pushAudio', 'audio.sampleRate', `${this.#sampleRate}, as before`, sampleRate);
    if (this.waitingSec > MOST_WAITING_SEC) {
      this.#droppedSec += samples.length / sampleRate;
      return false;
    }
    for (const piece of this.#placer.place(samples.slice(), timeSec)) {
      if (piece.startSec === undefined) this.#queue?.push(piece.samples);
      else this.#begin(piece.samples, piece.startSec);
    }
    return true;
  }

  /** Ends the run and waits until all of it is embedded; what comes meanwhile begins another. */
  async end(): Promise<void> {
    this.#queue?.end();
    this.#queue = undefined;
    this.#placer?.end();
    await this.#done;
    this.throwError();
  }

  /** Share of the frames from one up to another in which somebody speaks; undefined where no audio is known. */
  speechShare(from: number, to: number): number | undefined {
    const perFrame = AUDIO_SAMPLE_RATE / this.#fps;
    const start = Math.round((from - this.#recentFrom) * perFrame);
    const end = Math.round((to - this.#recentFrom) * perFrame);
    const samples = this.#recent.rows(start, end).slice();
    if (samples.length < perFrame) return undefined;
    const flags = voiceActivity({ samples, sampleRate: AUDIO_SAMPLE_RATE }, { fps: this.#fps });
    return flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
  }

  /** Audio before the first frame is left out, as are the samples up to the next aligned frame. */
  #begin(samples: Float32Array, startSec: number): void {
    this.#queue?.end();
    const step = ALIGNED_FRAMES / this.#fps;
    const aligned = Math.max(0, ALIGNED_FRAMES * Math.ceil(startSec / step - 1e-6));
    const skipped = Math.max(0, Math.round((aligned / this.#fps - startSec) * this.#sampleRate));
    const queue = new AudioQueue();
    this.#queue = queue;
    this.#done = this.#done
      .then(() => this.#read(queue, aligned, skipped))
      .catch((error: unknown) => {
        this.#error ??= error;
      });
    queue.push(samples);
  }

  async #read(queue: AudioQueue, firstFrame: number, skipped: number): Promise<void> {
    const { embedder, keptFrames, onRows } = this.#options;
    const { recipe } = embedder.expert;
    this.#recent = new RowQueue(1, AUDIO_SAMPLE_RATE);
    this.#recentFrom = firstFrame;
    const windows = new FeatureWindows(this.#waveforms(queue, skipped), recipe, 'running');
    let batch: Float32Array[] = [];
    try {
      for (let frame = windows.first; ; frame++) {
        windows.forget(frame);
        const window = await windows.read(frame).catch((error: unknown) => {
          if (queue.ended && this.#recent.count < FEWEST_SAMPLES) return undefined;
          throw error;
        });
        if (window) batch.push(window);
        if (batch.length === BATCH || (!window && batch.length > 0)) {
          const first = firstFrame + frame + (window ? 1 : 0) - batch.length;
          this.rows.add(first, await embedder.audio(batch));
          this.rows.dropBefore(this.rows.end - keptFrames);
          batch = [];
          onRows();
        }
        if (!window) return;
      }
    } finally {
      await windows.close();
    }
  }

  /** At 16 kHz; what passes is remembered for a while. */
  async *#waveforms(queue: AudioQueue, skipped: number): AsyncGenerator<Waveform> {
    const perFrame = AUDIO_SAMPLE_RATE / this.#fps;
    const rates = { from: this.#sampleRate, to: AUDIO_SAMPLE_RATE, blockSec: RESAMPLED_SEC };
    for await (const samples of resampleStream(skipSamples(queue, skipped), rates)) {
      this.#recent.push(samples);
      this.#recent.dropBefore(Math.round(this.#recent.count - this.#options.keptFrames * perFrame));
      yield { samples, sampleRate: AUDIO_SAMPLE_RATE };
    }
  }
}

/** Leaves out the first samples, of as many pieces as have them. */
async function* skipSamples(pieces: AsyncIterable<Float32Array>, count: number): AsyncGenerator<Float32Array> {
  let left = count;
  for await (const piece of pieces) {
    const skipped = Math.min(left, piece.length);
    left -= skipped;
    if (skipped < piece.length) yield piece.subarray(skipped);
  }
}
