import type { SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from '../augment/augmentation';
import { AUGMENTATION, drawAugmentation } from '../augment/augmentation';
import { drawAudioDegradation } from '../degrade/audio-degradation';
import { drawFrameDegradation } from '../degrade/frame-degradation';
import type { SyncSampling } from '../sampling/batch-plan';
import type { Degradation, PlainSyncBatch } from '../sampling/sync-batch-maker';
import { assertSampling, SyncBatchMaker } from '../sampling/sync-batch-maker';
import { assertStoreFits, binsFor } from '../store/clip';
import type { ClipStore } from '../store/clip-store';
import { BatchWorkers } from './batch-workers';
import { oneAtATime, orderedBatches } from './ordered-batches';

export type SyncLoaderOptions = {
  /** How windows are drawn. Default `CONTRAST.sampling`. */
  sampling?: SyncSampling;
  /** Augmentation of windows; null for none. Default `AUGMENTATION`. */
  augment?: Augmentation | null;
  /** Degradation as of poor recordings: blur and JPEG, rooms, noise and telephones; null for none. Default null. */
  degradation?: Degradation | null;
  /** Seed of all draws. Default 0. */
  seed?: number;
  /** Ids of the clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  /** Ids of clips to leave out, such as those held for validation. Default none. */
  exclude?: readonly string[];
  /** First step of the iterator, to resume a run. Default 0. */
  startStep?: number;
  /**
   * Batches made ahead of the one asked for, which wait in memory until they are pulled. Default 2, or `workers` if
   * more.
   */
  prefetch?: number;
  /** Threads that make batches (Node); the batches do not depend on their number. Default 0: this thread. */
  workers?: number;
};

/** Windows of one clip against each other: 12 clips, 6 windows of each, at least 3 frames apart, augmented. */
export const CONTRAST = {
  sampling: { kind: 'contrast', clips: 12, windows: 6, minDistance: 3 },
  augment: AUGMENTATION,
} as const satisfies SyncLoaderOptions;

/**
 * The thesis's pairs: 256 in a batch, half in sync; audio at the drawn start, off-sync frames from any other start of
 * the same clip; clips of at least twice the window; no augmentation.
 */
export const THESIS_PAIRS = {
  sampling: { kind: 'pairs', pairs: 256, positiveShare: 0.5, minDistance: 1, crossClipShare: 0, lengthInWindows: 2 },
  augment: null,
} as const satisfies SyncLoaderOptions;

/** One batch. Its tensors belong to whoever pulled it: `disposeBatch`. */
export type SyncBatch = {
  step: number;
  /** float32 `[batch, height, width, frameCount * 3]`, in the recipe's colour order and range. */
  frames: MouthBatch;
  /** float32 `[batch, bins, featureSteps, 1]`. */
  features: FeatureBatch;
  /** With `pairs`: float32 `[batch]`, 1 in sync, 0 off sync. */
  labels?: tf.Tensor1D;
  /** With `contrast`: which clip a window is of, 0 … clips - 1. */
  clips?: number[];
  /** Clip of each window of features. */
  ids: string[];
  /** First frame of each window of features. */
  starts: number[];
  /** Clip of each window of frames. */
  frameIds: string[];
  /** First frame of each window of frames. */
  frameStarts: number[];
};

/** The arrays of one batch with their shapes, for trainings that make the tensors in other threads. */
export type SyncArrays = {
  step: number;
  /** Shape `[batch, height, width, frameCount * 3]`. */
  frames: { data: Float32Array; shape: [number, number, number, number] };
  /** Shape `[batch, bins, featureSteps, 1]`. */
  features: { data: Float32Array; shape: [number, number, number, number] };
  /** With `pairs`: `[batch]`, 1 in sync, 0 off sync. */
  labels?: Float32Array;
  /** With `contrast`: which clip a window is of, 0 … clips - 1. */
  clips?: number[];
};

/** Frees a batch's tensors. */
export function disposeBatch(batch: Pick<SyncBatch, 'frames' | 'features' | 'labels'>): void {
  batch.frames.dispose();
  batch.features.dispose();
  batch.labels?.dispose();
}

/** The clips that a loader draws from. */
export type LoaderSummary = {
  clips: number;
  windows: number;
  /** Clips too short for the sampling, by id. */
  leftOut: string[];
};

/**
 * Training batches from a store, each a function of `(seed, step)` only: the same whatever was prefetched, and after a
 * restart `batch(step)` or `startStep` continues exactly where a run stopped.
 *
 * Prefetched batches are plain arrays; tensors are made when a batch is pulled.
 *
 * @throws TypeError where the store's clips cannot feed the recipe; errors of a clip carry its id.
 * @example
 * import { ClipStore, CONTRAST, disposeBatch, SyncLoader } from '@lipsync/dataloader';
 * const loader = new SyncLoader(await ClipStore.open('clips'), expert.recipe, { ...CONTRAST, seed: 1 });
 * for await (const batch of loader) {
 *   await trainer.step(batch);
 *   disposeBatch(batch);
 *   if (batch.step === 999) break;
 * }
 * loader.dispose();
 */
export class SyncLoader {
  readonly #recipe: SyncRecipe;
  readonly #bins: number;
  readonly #sampling: SyncSampling;
  readonly #startStep: number;
  readonly #prefetch: number;
  readonly #maker: SyncBatchMaker;
  readonly #startWorkers?: () => Promise<BatchWorkers<PlainSyncBatch>>;
  #workers?: Promise<BatchWorkers<PlainSyncBatch>>;
  #disposed = false;

  constructor(store: ClipStore, recipe: SyncRecipe, options: SyncLoaderOptions = {}) {
    const {
      sampling = CONTRAST.sampling,
      augment = AUGMENTATION,
      degradation = null,
      seed = 0,
      clips,
      exclude = [],
      startStep = 0,
      workers = 0,
    } = options;
    const { prefetch = Math.max(2, workers) } = options;
    assertSyncRecipe('SyncLoader', recipe);
    assertStoreFits('SyncLoader', store.recipe, recipe);
    for (const [name, value] of Object.entries({ prefetch, workers })) {
      if (!(Number.isInteger(value) && value >= 0))
        fail(RangeError, 'SyncLoader', name, 'a whole number, 0 or more', value);
    }
    assertSampling(sampling, recipe.frameCount);
    if (augment && !recipe.features.endsWith('_MEL')) {
      fail(
        TypeError,
        'SyncLoader',
        'augment',
        `null for ${recipe.features}: the augmentation is of mel spectrograms`,
        'an augmentation',
      );
    }
    // These check the strengths.
    if (augment) drawAugmentation(augment, new Random(0));
    if (degradation) {
      drawFrameDegradation(degradation.frames, new Random(0));
      drawAudioDegradation(degradation.audio, new Random(0));
    }
    this.#recipe = recipe;
    this.#bins = binsFor(store.recipe, recipe);
    this.#sampling = sampling;
    this.#startStep = startStep;
    this.#prefetch = prefetch;
    const plain = { sampling, augment, degradation, seed, clips, exclude };
    this.#maker = new SyncBatchMaker(store, recipe, plain);
    if (workers > 0) {
      const setup = {
        folder: store.folder,
        cacheBytes: store.cacheBytes / workers,
        kind: 'sync' as const,
        recipe,
        options: plain,
      };
      this.#startWorkers = () => BatchWorkers.start(workers, setup);
    }
  }

  /** The clips that are drawn from, and those that are too short. */
  async summary(): Promise<LoaderSummary> {
    this.#alive();
    const { ids, clips, usable } = await this.#maker.index();
    const used = new Set(usable);
    return {
      clips: usable.length,
      windows: usable.reduce((sum, index) => sum + clips[index].windows, 0),
      leftOut: ids.filter((_, index) => !used.has(index)),
    };
  }

  /** The batch of a step; the caller disposes it. */
  async batch(step: number): Promise<SyncBatch> {
    return this.#tensors(step, await this.#plain(step));
  }

  /** Batches from `startStep` on, without end. */
  [Symbol.asyncIterator](): AsyncGenerator<SyncBatch> {
    return this.from(this.#startStep);
  }

  /** Batches from a step on, without end. */
  async *from(step: number): AsyncGenerator<SyncBatch> {
    for await (const { step: current, batch } of this.#ordered(step)) yield this.#tensors(current, batch);
  }

  /** The same batches as plain arrays: nothing to dispose. */
  async *plainFrom(step: number): AsyncGenerator<SyncArrays> {
    for await (const { step: current, batch } of this.#ordered(step)) yield this.#arrays(current, batch);
  }

  /** Ends all iterators at their next step, and the threads. Batches that were pulled stay their owners'. */
  dispose(): void {
    this.#disposed = true;
    void this.#workers?.then((workers) => workers.dispose());
  }

  #alive(): void {
    if (this.#disposed) fail(Error, 'SyncLoader', 'loader', 'in use', 'one that was disposed');
  }

  async #plain(step: number): Promise<PlainSyncBatch> {
    this.#alive();
    if (!this.#startWorkers) return this.#maker.make(step);
    this.#workers ??= this.#startWorkers();
    return (await this.#workers).make(step);
  }

  #ordered(step: number) {
    // In this thread one after the other, so that no more than one batch is being cut at a time.
    const make = this.#startWorkers
      ? (wanted: number) => this.#plain(wanted)
      : oneAtATime((wanted: number) => this.#plain(wanted));
    return orderedBatches(make, { from: step, prefetch: this.#prefetch });
  }

  #arrays(step: number, { samples, frames, features }: PlainSyncBatch): SyncArrays {
    const { crop, frameCount, featureSteps } = this.#recipe;
    const { height, width } = frameShape(crop);
    const count = samples.length;
    const sampling = this.#sampling;
    return {
      step,
      frames: { data: frames, shape: [count, height, width, frameCount * 3] },
      features: { data: features, shape: [count, this.#bins, featureSteps, 1] },
      ...(sampling.kind === 'pairs'
        ? { labels: Float32Array.from(samples, (sample) => sample.label!) }
        : { clips: samples.map((_, i) => Math.floor(i / sampling.windows)) }),
    };
  }

  async #tensors(step: number, batch: PlainSyncBatch): Promise<SyncBatch> {
    const { ids } = await this.#maker.index();
    const { samples } = batch;
    const { frames, features, labels, clips } = this.#arrays(step, batch);
    return {
      step,
      frames: tf.tensor4d(frames.data, frames.shape),
      features: tf.tensor4d(features.data, features.shape),
      ids: samples.map((sample) => ids[sample.featureClip]),
      starts: samples.map((sample) => sample.featureStart),
      frameIds: samples.map((sample) => ids[sample.frameClip]),
      frameStarts: samples.map((sample) => sample.frameStart),
      ...(labels ? { labels: tf.tensor1d(labels) } : { clips }),
    };
  }
}
