import { fail, type Loudness, storedShape } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { PlainDinetBatch } from '../sampling/dinet-batch-maker';
import { DinetBatchMaker } from '../sampling/dinet-batch-maker';
import type { ClipStore } from '../store/clip-store';
import { BatchWorkers } from './batch-workers';
import { oneAtATime, orderedBatches } from './ordered-batches';

export type DinetLoaderOptions = {
  /** Rows of frames in a batch. Default 1. */
  batchSize?: number;
  /** Frames of a row, one after the other: 1 for DINet's stage of frames, 5 for its stage of clips. Default 5. */
  frameCount?: number;
  /** Reference frames of the same clip for each frame, none of the row itself. Default 5. */
  referenceCount?: number;
  /** Frames of audio around each frame. Default 5. */
  audioFrames?: number;
  /** The frame with which they begin, counted from their own: -1 a frame before it. Default: they are centred. */
  firstFrame?: number;
  /**
   * What the generator takes of the audio: the store's `mel` features, or the `logits` that its clips keep. Default
   * `mel`.
   */
  features?: 'mel' | 'logits';
  /** How loud the audio of `syncFeatures` is made: the rule of the sync network's recipe. Default `none`: as stored. */
  syncLoudness?: Loudness;
  /** Seed of all draws. Default 0. */
  seed?: number;
  /** Ids of the clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  /** Ids of clips to leave out. Default none. */
  exclude?: readonly string[];
  /** First step of the iterator. Default 0. */
  startStep?: number;
  /** Batches made ahead. Default 2, or `workers` if more. */
  prefetch?: number;
  /** Threads that make batches (Node). Default 0: this one. */
  workers?: number;
};

/**
 * One batch for a generator, rows of frames one after the other. Its tensors, all float32, belong to whoever pulled it:
 * `disposeDinetBatch`.
 */
export type DinetBatch = {
  step: number;
  /** What is to be generated: `[batch * frameCount, height, width, 3]`, RGB, 0..1. */
  frames: tf.Tensor4D;
  /** `[batch * frameCount, height, width, referenceCount * 3]`, RGB, 0..1. */
  references: tf.Tensor4D;
  /**
   * Features of the audio around each frame: `[batch * frameCount, bins, steps]`; of logits `[batch * frameCount, 29,
   * audioFrames]`.
   */
  features: tf.Tensor3D;
  /** Features of each row for a sync network: `[batch, bins, syncSteps, 1]`; always those that the store keeps. */
  syncFeatures: tf.Tensor4D;
  /**
   * Logits of each row and of two frames on both sides, for DINet's own sync network: `[batch, 29, frameCount + 4, 1]`;
   * where `features` is `logits`.
   */
  syncLogits?: tf.Tensor4D;
  /** How far each face is turned: `[batch * frameCount]`, radians clockwise; for `ImageProcessor.mouths`. */
  angles: tf.Tensor1D;
  /** Clip of each row. */
  ids: string[];
  /** First frame of each row. */
  starts: number[];
};

/** Frees a batch's tensors. */
export function disposeDinetBatch(batch: DinetBatch): void {
  const { frames, references, features, syncFeatures, syncLogits, angles } = batch;
  tf.dispose([frames, references, features, syncFeatures, angles, ...(syncLogits ? [syncLogits] : [])]);
}

/**
 * Batches for a generator from a store of face images, head crops (`{ kind: 'dinet head', mouth: 64 }`) or face boxes:
 * frames to generate, references, audio, and the angles by which generated frames are turned upright for a sync network.
 * Each batch is a function of `(seed, step)` only.
 *
 * Rows are drawn evenly over clips long enough, with two frames of audio on both sides; references evenly over the
 * clip's other frames.
 *
 * Source: DINet's loader, whose references come from five other clips of nine frames of the same video: here from the
 * same clip, which is longer.
 *
 * @throws TypeError for a store of other crops; errors of a clip carry its id.
 * @example
 * import { DinetLoader, disposeDinetBatch, ImageProcessor } from '@lipsync/dataloader';
 * const images = new ImageProcessor({ mouth: 64 });
 * for await (const batch of new DinetLoader(store, { batchSize: 3, seed: 1 })) {
 *   const masked = images.masked(batch.frames);
 *   masked.dispose();
 *   disposeDinetBatch(batch);
 * }
 */
export class DinetLoader {
  readonly #store: ClipStore;
  readonly #maker: DinetBatchMaker;
  readonly #shape: { frameCount: number; referenceCount: number };
  readonly #startStep: number;
  readonly #prefetch: number;
  readonly #startWorkers?: () => Promise<BatchWorkers<PlainDinetBatch>>;
  #workers?: Promise<BatchWorkers<PlainDinetBatch>>;
  #disposed = false;

  constructor(store: ClipStore, options: DinetLoaderOptions = {}) {
    const {
      batchSize = 1,
      frameCount = 5,
      referenceCount = 5,
      audioFrames = 5,
      features = 'mel',
      firstFrame,
    } = options;
    const { seed = 0, clips, exclude = [], startStep = 0, workers = 0 } = options;
    const { prefetch = Math.max(2, workers), syncLoudness = 'none' } = options;
    const { kind } = store.recipe.crop;
    if (kind !== 'dinet head' && kind !== 'face box')
      fail(TypeError, 'DinetLoader', 'store', 'of head crops or face boxes (kind dinet head, face box)', kind);
    for (const [name, value] of Object.entries({ batchSize, frameCount, referenceCount, audioFrames })) {
      if (!(Number.isInteger(value) && value > 0))
        fail(RangeError, 'DinetLoader', name, 'a whole number above 0', value);
    }
    for (const [name, value] of Object.entries({ prefetch, workers })) {
      if (!(Number.isInteger(value) && value >= 0))
        fail(RangeError, 'DinetLoader', name, 'a whole number, 0 or more', value);
    }
    if (firstFrame !== undefined && !Number.isInteger(firstFrame))
      fail(RangeError, 'DinetLoader', 'firstFrame', 'a whole number', firstFrame);
    if (features !== 'mel' && features !== 'logits')
      fail(TypeError, 'DinetLoader', 'features', 'mel or logits', features);
    const plain = {
      ...{ batchSize, frameCount, referenceCount, audioFrames, firstFrame, features },
      ...{ syncLoudness, seed, clips, exclude },
    };
    this.#store = store;
    this.#maker = new DinetBatchMaker(store, plain);
    this.#shape = { frameCount, referenceCount };
    this.#startStep = startStep;
    this.#prefetch = prefetch;
    if (workers > 0) {
      const cacheBytes = store.cacheBytes / workers;
      const setup = { folder: store.folder, cacheBytes, kind: 'dinet' as const, options: plain };
      this.#startWorkers = () => BatchWorkers.start(workers, setup);
    }
  }

  /** Number of clips that are drawn from, and ids of those that are too short. */
  async summary(): Promise<{ clips: number; leftOut: string[] }> {
    const { ids, usable } = await this.#maker.index();
    const used = new Set(usable);
    return { clips: usable.length, leftOut: ids.filter((_, index) => !used.has(index)) };
  }

  /** The batch of a step; the caller disposes it. */
  async batch(step: number): Promise<DinetBatch> {
    return this.#tensors(step, await this.#plain(step));
  }

  /** Batches from `startStep` on, without end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DinetBatch> {
    const make = this.#startWorkers
      ? (wanted: number) => this.#plain(wanted)
      : oneAtATime((wanted: number) => this.#plain(wanted));
    for await (const { step, batch } of orderedBatches(make, { from: this.#startStep, prefetch: this.#prefetch }))
      yield this.#tensors(step, batch);
  }

  /** Ends all iterators at their next step, and the threads. */
  dispose(): void {
    this.#disposed = true;
    void this.#workers?.then((workers) => workers.dispose());
  }

  async #plain(step: number): Promise<PlainDinetBatch> {
    if (this.#disposed) fail(Error, 'DinetLoader', 'loader', 'in use', 'one that was disposed');
    if (!this.#startWorkers) return this.#maker.make(step);
    this.#workers ??= this.#startWorkers();
    return (await this.#workers).make(step);
  }

  async #tensors(step: number, batch: PlainDinetBatch): Promise<DinetBatch> {
    const { samples, frames, references, features, syncFeatures, syncLogits, angles } = batch;
    const { ids } = await this.#maker.index();
    const { frameCount, referenceCount } = this.#shape;
    const { bins, steps } = this.#maker.featureShape;
    const { crop, bins: syncBins } = this.#store.recipe;
    const { height, width } = storedShape(crop);
    const rows = samples.length;
    const count = rows * frameCount;
    return {
      step,
      frames: tf.tensor4d(frames, [count, height, width, 3]),
      references: tf.tensor4d(references, [count, height, width, referenceCount * 3]),
      features: tf.tensor3d(features, [count, bins, steps]),
      syncFeatures: tf.tensor4d(syncFeatures, [rows, syncBins, this.#maker.stepsOf(frameCount), 1]),
      ...(syncLogits ? { syncLogits: tf.tensor4d(syncLogits, [rows, bins, syncLogits.length / rows / bins, 1]) } : {}),
      angles: tf.tensor1d(angles),
      ids: samples.map(({ clip }) => ids[clip]),
      starts: samples.map(({ start }) => start),
    };
  }
}
