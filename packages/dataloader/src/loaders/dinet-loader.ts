import { fail, storedShape } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import type { PlainDinetBatch } from '../sampling/dinet-batch-maker';
import { DinetBatchMaker } from '../sampling/dinet-batch-maker';
import type { ClipStore } from '../store/clip-store';
import { BatchWorkers } from './batch-workers';
import { oneAtATime, orderedBatches } from './ordered-batches';

export type DinetLoaderOptions = {
  /** Clips a batch. Default 1. */
  batch?: number;
  /** Frames in a row that are painted: 1 for DINet's first stage, 5 for the stage of clips. Default 5. */
  frameCount?: number;
  /** Reference frames of the same clip for each frame, none of the row itself. Default 5. */
  references?: number;
  /** Frames of audio around each frame that is painted. Default 5. */
  audioFrames?: number;
  /** What `audio` holds: the store's `mel`, or the `logits` that a store made with `--features` keeps. Default `mel`. */
  features?: 'mel' | 'logits';
  /** Default 0. */
  seed?: number;
  /** The clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  /** Clips to leave out. Default none. */
  exclude?: readonly string[];
  /** First step of the iterator. Default 0. */
  startStep?: number;
  /** Batches made ahead. Default 2, with workers as many as these if more. */
  prefetch?: number;
  /** Threads that make batches (Node). Default 0: this one. */
  workers?: number;
};

/** One batch for a generator; rows of frames one after the other. Its tensors belong to whoever pulled it: `disposeDinetBatch`. */
export type DinetBatch = {
  step: number;
  /** What is to be painted: `[batch * frames, height, width, 3]`, RGB, 0..1. */
  frames: tf.Tensor4D;
  /** `[batch * frames, height, width, references * 3]`. */
  references: tf.Tensor4D;
  /** Features of the audio around each frame: `[batch * frames, bins, audioSteps]`; of logits `[batch * frames, 29, audioFrames]`. */
  features: tf.Tensor3D;
  /** Features of the audio of each row, for a sync network: `[batch, bins, syncSteps, 1]`; of the mel always. */
  syncFeatures: tf.Tensor4D;
  /** Logits of each row and of two frames on both sides, for DINet's own sync network: `[batch, 29, frames + 4, 1]`; where `audio` is `logits`. */
  syncLogits?: tf.Tensor4D;
  /** How far each face is turned, radians clockwise: for `ImageProcessor.mouths`. */
  angles: tf.Tensor1D;
  /** Clip and first frame of each row. */
  ids: string[];
  starts: number[];
};

/** Frees a batch's tensors. */
export function disposeDinetBatch({
  frames,
  references,
  features,
  syncFeatures,
  syncLogits,
  angles,
}: DinetBatch): void {
  tf.dispose([frames, references, features, syncFeatures, angles, ...(syncLogits ? [syncLogits] : [])]);
}

/**
 * Batches for DINet from a store of head crops (`lipsync prepare --head 64`): frames to paint, references, audio and the angles by which generated
 * frames are turned upright for a sync network. Each batch is a function of `(seed, step)` alone.
 *
 * Rows are drawn evenly over clips long enough, with two frames of audio on both sides; references evenly over the clip's other frames.
 *
 * Source: DINet's loader, whose references come from five other clips of nine frames of the same video: here from the same clip, which is longer.
 *
 * @throws TypeError for a store of other crops; errors of a clip carry its name.
 * @example
 * for await (const batch of new DINetLoader(store, { batch: 3, seed: 1 })) {
 *   const masked = images.masked(batch.frames);
 *   …
 *   disposeDinetBatch(batch);
 * }
 */
export class DinetLoader {
  readonly #store: ClipStore;
  readonly #maker: DinetBatchMaker;
  readonly #shape: { row: number; references: number };
  readonly #startStep: number;
  readonly #prefetch: number;
  readonly #startWorkers?: () => Promise<BatchWorkers<PlainDinetBatch>>;
  #workers?: Promise<BatchWorkers<PlainDinetBatch>>;
  #disposed = false;

  constructor(store: ClipStore, options: DinetLoaderOptions = {}) {
    const {
      batch = 1,
      frameCount = 5,
      references = 5,
      audioFrames = 5,
      features = 'mel',
      seed = 0,
      clips,
      exclude = [],
      startStep = 0,
      workers = 0,
    } = options;
    const { prefetch = Math.max(2, workers) } = options;
    if (store.recipe.crop.kind !== 'dinet head') {
      fail(TypeError, 'DINetLoader', 'store', 'of head crops (prepare with --head)', store.recipe.crop.kind);
    }
    for (const [name, value] of Object.entries({ batch, frameCount, references, audioFrames })) {
      if (!(Number.isInteger(value) && value > 0))
        fail(RangeError, 'DINetLoader', name, 'a whole number above 0', value);
    }
    for (const [name, value] of Object.entries({ prefetch, workers })) {
      if (!(Number.isInteger(value) && value >= 0))
        fail(RangeError, 'DINetLoader', name, 'a whole number, 0 or more', value);
    }
    if (features !== 'mel' && features !== 'logits') fail(TypeError, 'DINetLoader', 'audio', 'mel or logits', features);
    const plain = { batch, frameCount, references, audioFrames, features, seed, clips, exclude };
    this.#store = store;
    this.#maker = new DinetBatchMaker(store, plain);
    this.#shape = { row: frameCount, references };
    this.#startStep = startStep;
    this.#prefetch = prefetch;
    if (workers > 0) {
      const setup = {
        folder: store.folder,
        cacheBytes: store.cacheBytes / workers,
        kind: 'dinet' as const,
        options: plain,
      };
      this.#startWorkers = () => BatchWorkers.start(workers, setup);
    }
  }

  /** Clips that are drawn from, and those that are too short. */
  async summary(): Promise<{ clips: number; leftOut: string[] }> {
    const { ids, usable } = await this.#maker.index();
    const used = new Set(usable);
    return { clips: usable.length, leftOut: ids.filter((_, index) => !used.has(index)) };
  }

  /** The batch of a step. */
  async batch(step: number): Promise<DinetBatch> {
    return this.#tensors(step, await this.#plain(step));
  }

  /** Batches from `startStep` on, without end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<DinetBatch> {
    const make = this.#startWorkers
      ? (wanted: number) => this.#plain(wanted)
      : oneAtATime((wanted: number) => this.#plain(wanted));
    for await (const { step, batch } of orderedBatches(make, { from: this.#startStep, ahead: this.#prefetch }))
      yield this.#tensors(step, batch);
  }

  /** Ends all iterators at their next step, and the threads. */
  dispose(): void {
    this.#disposed = true;
    void this.#workers?.then((workers) => workers.dispose());
  }

  async #plain(step: number): Promise<PlainDinetBatch> {
    if (this.#disposed) fail(Error, 'DINetLoader', 'loader', 'in use', 'one that was disposed');
    if (!this.#startWorkers) return this.#maker.make(step);
    this.#workers ??= this.#startWorkers();
    return (await this.#workers).make(step);
  }

  async #tensors(
    step: number,
    { samples, frames, references, features, syncFeatures, syncLogits, angles }: PlainDinetBatch,
  ): Promise<DinetBatch> {
    const { ids } = await this.#maker.index();
    const { row, references: count } = this.#shape;
    const { bins: audioBins, steps: audioSteps } = this.#maker.featureShape;
    const { crop, bins } = this.#store.recipe;
    const { height, width } = storedShape(crop);
    const frameCount = samples.length * row;
    return {
      step,
      frames: tf.tensor4d(frames, [frameCount, height, width, 3]),
      references: tf.tensor4d(references, [frameCount, height, width, count * 3]),
      features: tf.tensor3d(features, [frameCount, audioBins, audioSteps]),
      syncFeatures: tf.tensor4d(syncFeatures, [samples.length, bins, this.#maker.stepsOf(row), 1]),
      ...(syncLogits
        ? {
            syncLogits: tf.tensor4d(syncLogits, [
              samples.length,
              audioBins,
              syncLogits.length / samples.length / audioBins,
              1,
            ]),
          }
        : {}),
      angles: tf.tensor1d(angles),
      ids: samples.map(({ clip }) => ids[clip]),
      starts: samples.map(({ start }) => start),
    };
  }
}
