import type { SyncRecipe } from '@lipsync/contracts';
import { assertSyncRecipe, fail, frameShape } from '@lipsync/contracts';
import type { FeatureBatch, MouthBatch } from '@lipsync/contracts/tensors';
import { Random } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import type { Augmentation } from '../augment/augmentation';
import { AUGMENTATION, drawAugmentation } from '../augment/augmentation';
import type { AudioDegradation } from '../degrade/audio-degradation';
import { AUDIO_DEGRADATION, drawAudioDegradation } from '../degrade/audio-degradation';
import type { FrameDegradation } from '../degrade/frame-degradation';
import { drawFrameDegradation, FRAME_DEGRADATION } from '../degrade/frame-degradation';
import type { SyncSampling } from '../sampling/batch-plan';
import type { PlainSyncBatch } from '../sampling/sync-batch-maker';
import { assertSampling, SyncBatchMaker } from '../sampling/sync-batch-maker';
import { assertStoreFits, binsFor } from '../store/clip';
import type { ClipStore } from '../store/clip-store';
import { BatchWorkers } from './batch-workers';
import { oneAtATime, orderedBatches } from './ordered-batches';

export type SyncLoaderOptions = {
  /** How windows are drawn. Default `CONTRAST.sampling`. */
  sampling?: SyncSampling;
  /** Variation of windows; null for none. Default `AUGMENTATION`. */
  augment?: Augmentation | null;
  /** Recordings of lesser quality: blur and JPEG, rooms, noise and telephones; null for none. Default null. */
  degradation?: { frames: FrameDegradation; audio: AudioDegradation } | null;
  /** Default 0. */
  seed?: number;
  /** The clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  /** Clips to leave out, such as those held for validation. Default none. */
  exclude?: readonly string[];
  /** First step of the iterator, to go on where a run stopped. Default 0. */
  startStep?: number;
  /** Batches made ahead of the one asked for, which wait in memory until they are pulled. Default 2, with workers as many as these if more. */
  prefetch?: number;
  /** Threads that make batches beside this one (Node); the same batches whatever their number. Default 0: this thread. */
  workers?: number;
};

/** Same-clip contrast as the feasibility run had it: 12 clips, 6 windows of each, at least 3 frames apart, varied. */
export const CONTRAST = {
  sampling: { kind: 'contrast', clips: 12, windows: 6, minDistance: 3 },
  augment: AUGMENTATION,
} as const satisfies SyncLoaderOptions;

/**
 * The thesis's pairs: half in sync, audio at the drawn start, off-sync frames from any other start of the same clip, clips of at
 * least twice the window, nothing varied, 256 in a batch.
 */
export const THESIS_PAIRS = {
  sampling: { kind: 'pairs', pairs: 256, positiveShare: 0.5, minDistance: 1, crossClipShare: 0, lengthInWindows: 2 },
  augment: null,
} as const satisfies SyncLoaderOptions;

/**
 * Wav2Lip's pairs: clips of at least three windows, half in sync, off-sync frames from any other start of the same clip, 64 in a batch, nothing
 * varied.
 */
export const WAV2LIP_PAIRS = {
  sampling: { kind: 'pairs', pairs: 64, positiveShare: 0.5, minDistance: 1, crossClipShare: 0, lengthInWindows: 3 },
  augment: null,
} as const satisfies SyncLoaderOptions;

/** LatentSync's pairs: as the thesis's, which took them over. */
export const LATENTSYNC_PAIRS = THESIS_PAIRS;

/**
 * Pairs that are what their label says: off-sync by at least 3 frames, three in ten from another clip, nobody silent (at least a fifth of the window
 * is speech, where the clip has such), all varied, as recordings of lesser quality, too.
 */
export const ROBUST_PAIRS = {
  sampling: {
    kind: 'pairs',
    pairs: 256,
    positiveShare: 0.5,
    minDistance: 3,
    crossClipShare: 0.3,
    lengthInWindows: 2,
    minVoiced: 0.2,
  },
  augment: AUGMENTATION,
  degradation: { frames: FRAME_DEGRADATION, audio: AUDIO_DEGRADATION },
} as const satisfies SyncLoaderOptions;

/** One batch. Its tensors belong to whoever pulled it: `disposeBatch`. */
export type SyncBatch = {
  step: number;
  /** `[batch, height, width, frames * 3]`. */
  frames: MouthBatch;
  /** `[batch, bins, melSteps, 1]`. */
  features: FeatureBatch;
  /** With `pairs`: 1 in sync, 0 off-sync, float32. */
  labels?: tf.Tensor1D;
  /** With `contrast`: which clip a window is of, 0 … clips - 1. */
  clips?: number[];
  /** Clip of each audio window. */
  ids: string[];
  /** First frame of each audio window. */
  starts: number[];
  /** Clip of each frame window. */
  frameIds: string[];
  /** First frame of each frame window. */
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

/** What a loader draws from. */
export type LoaderSummary = {
  clips: number;
  windows: number;
  /** Clips too short for the sampling, by id. */
  leftOut: string[];
};

/**
 * Training batches from a store, each a function of `(seed, step)` alone: the same whatever was prefetched, and after a
 * restart `batch(step)` or `startStep` goes on exactly where a run stopped.
 *
 * Prefetched batches are plain arrays; tensors are made when a batch is pulled, and belong to who pulled it.
 *
 * @throws TypeError where the store's clips cannot feed the recipe; errors of a clip carry its name.
 * @example
 * const loader = new SyncLoader(store, recipe, { ...CONTRAST, seed: 1, exclude: held });
 * for await (const batch of loader) {
 *   train(batch.frames, batch.mel, batch.clips);
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
    if (augment && recipe.features !== 'THESIS_MEL' && recipe.features !== 'WAV2LIP_MEL') {
      fail(
        TypeError,
        'SyncLoader',
        'augment',
        `null for ${recipe.features}: its variations are of mel spectrograms`,
        'a variation',
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

  /** What is drawn from, and what was left out for being too short. */
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

  /** The batch of a step. */
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
    return orderedBatches(make, { from: step, ahead: this.#prefetch });
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
