import * as tf from '@tensorflow/tfjs-core';
import { assertSyncRecipe, fail, pictureShape } from '@lipsync/contracts';
import type { MelBatch, MouthBatch, SyncRecipe } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { AUGMENTATION, drawAugmentation } from './augmentation';
import type { Augmentation } from './augmentation';
import { planBatch, usableClips } from './batch-plan';
import type { ClipLength, PlannedSample, SyncSampling } from './batch-plan';
import { assertStoreFits } from './clip';
import { inParallel } from './clip-store';
import type { ClipStore } from './clip-store';
import { cutMelWindow } from './mel-window';
import { cutMouthWindow } from './mouth-window';
import { windowCount } from './window-count';

export type SyncLoaderOptions = {
  /** How windows are drawn. Default `CONTRAST.sampling`. */
  sampling?: SyncSampling;
  /** Variation of windows; null for none. Default `AUGMENTATION`. */
  augment?: Augmentation | null;
  /** Default 0. */
  seed?: number;
  /** The clips to draw from. Default: all of the store. */
  clips?: readonly string[];
  /** Clips to leave out, such as those held for validation. Default none. */
  exclude?: readonly string[];
  /** First step of the iterator, to go on where a run stopped. Default 0. */
  startStep?: number;
  /** Batches made ahead of the one asked for. Default 2. */
  prefetch?: number;
};

/** Same-clip contrast as the feasibility run had it: 12 clips, 6 windows of each, at least 3 frames apart, varied. */
export const CONTRAST = {
  sampling: { kind: 'contrast', clips: 12, windows: 6, minDistance: 3 },
  augment: AUGMENTATION,
} as const satisfies SyncLoaderOptions;

/**
 * The thesis's pairs: half in sync, sound at the drawn start, off-sync pictures from any other start of the same clip, clips of at
 * least twice the window, nothing varied, 256 in a batch.
 */
export const THESIS_PAIRS = {
  sampling: { kind: 'pairs', pairs: 256, positiveShare: 0.5, minOffset: 1, crossClipShare: 0, lengthInWindows: 2 },
  augment: null,
} as const satisfies SyncLoaderOptions;

/** One batch. Its tensors belong to whoever pulled it: `disposeBatch`. */
export type SyncBatch = {
  step: number;
  /** `[batch, height, width, frames * 3]`. */
  frames: MouthBatch;
  /** `[batch, bins, melSteps, 1]`. */
  mel: MelBatch;
  /** With `pairs`: 1 in sync, 0 off-sync, float32. */
  labels?: tf.Tensor1D;
  /** With `contrast`: which clip a window is of, 0 … clips - 1. */
  clips?: number[];
  /** Clip of each sound window. */
  ids: string[];
  /** First frame of each sound window. */
  starts: number[];
  /** Clip of each picture window. */
  frameIds: string[];
  /** First frame of each picture window. */
  frameStarts: number[];
};

/** Frees a batch's tensors. */
export function disposeBatch(batch: Pick<SyncBatch, 'frames' | 'mel' | 'labels'>): void {
  batch.frames.dispose();
  batch.mel.dispose();
  batch.labels?.dispose();
}

/** What a loader draws from. */
export type LoaderSummary = {
  clips: number;
  windows: number;
  /** Clips too short for the sampling, by id. */
  leftOut: string[];
};

type PlainBatch = { samples: PlannedSample[]; frames: Float32Array; mel: Float32Array };
type Index = { ids: string[]; clips: ClipLength[]; usable: number[] };

const READS_AT_ONCE = 8; // clips

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
  readonly #store: ClipStore;
  readonly #recipe: SyncRecipe;
  readonly #options: Required<Omit<SyncLoaderOptions, 'clips'>> & Pick<SyncLoaderOptions, 'clips'>;
  #index?: Promise<Index>;
  #disposed = false;

  constructor(store: ClipStore, recipe: SyncRecipe, options: SyncLoaderOptions = {}) {
    const {
      sampling = CONTRAST.sampling,
      augment = AUGMENTATION,
      seed = 0,
      clips,
      exclude = [],
      startStep = 0,
      prefetch = 2,
    } = options;
    assertSyncRecipe('SyncLoader', recipe);
    assertStoreFits('SyncLoader', store.recipe, recipe);
    if (!(Number.isInteger(prefetch) && prefetch >= 0)) fail(RangeError, 'SyncLoader', 'prefetch', 'a whole number, 0 or more', prefetch);
    usableClips([], sampling, recipe.frames); // checks the sampling
    if (augment && recipe.mel !== 'THESIS_MEL' && recipe.mel !== 'WAV2LIP_MEL') {
      fail(TypeError, 'SyncLoader', 'augment', `null for ${recipe.mel}: its variations are of mel spectrograms`, 'a variation');
    }
    if (augment) drawAugmentation(augment, new Random(0)); // checks the strengths
    this.#store = store;
    this.#recipe = recipe;
    this.#options = { sampling, augment, seed, clips, exclude, startStep, prefetch };
  }

  /** What is drawn from, and what was left out for being too short. */
  async summary(): Promise<LoaderSummary> {
    const { ids, clips, usable } = await this.#load();
    const used = new Set(usable);
    return {
      clips: usable.length,
      windows: usable.reduce((sum, index) => sum + clips[index].windows, 0),
      leftOut: ids.filter((_, index) => !used.has(index)),
    };
  }

  /** The batch of a step. */
  async batch(step: number): Promise<SyncBatch> {
    return this.#tensors(step, await this.#make(step));
  }

  /** Batches from `startStep` on, without end. */
  [Symbol.asyncIterator](): AsyncGenerator<SyncBatch> {
    return this.from(this.#options.startStep);
  }

  /** Batches from a step on, without end. */
  async *from(step: number): AsyncGenerator<SyncBatch> {
    const ahead: Promise<PlainBatch>[] = [];
    let next = step;
    for (let current = step; ; current++) {
      while (next <= current + this.#options.prefetch) {
        // One after the other, so that no more than one batch is being cut at a time.
        const before = ahead[ahead.length - 1] ?? Promise.resolve();
        const wanted = next++;
        const made = before.then(() => this.#make(wanted));
        made.catch(() => {}); // reported when it is its turn
        ahead.push(made);
      }
      yield this.#tensors(current, await ahead.shift()!);
    }
  }

  /** Ends all iterators at their next step. Batches that were pulled stay their owners'. */
  dispose(): void {
    this.#disposed = true;
  }

  #alive(): void {
    if (this.#disposed) fail(Error, 'SyncLoader', 'loader', 'in use', 'one that was disposed');
  }

  #load(): Promise<Index> {
    this.#alive();
    this.#index ??= this.#readIndex();
    return this.#index;
  }

  async #readIndex(): Promise<Index> {
    const { clips: wanted, exclude, sampling } = this.#options;
    const out = new Set(exclude);
    const ids = (wanted ?? (await this.#store.list())).filter((id) => !out.has(id));
    const clips = await inParallel(ids, 16, async (id) => {
      const { count, melSteps } = await named(id, () => this.#store.info(id));
      return { frames: count, windows: windowCount(count, melSteps, this.#recipe) };
    });
    return { ids, clips, usable: usableClips(clips, sampling, this.#recipe.frames) };
  }

  async #make(step: number): Promise<PlainBatch> {
    const { ids, clips, usable } = await this.#load();
    const { sampling, seed, augment } = this.#options;
    const samples = planBatch(clips, usable, sampling, seed, step);
    const { height, width } = pictureShape(this.#recipe.crop);
    const frameLength = height * width * this.#recipe.frames * 3;
    const melLength = this.#store.recipe.bins * this.#recipe.melSteps;
    const frames = new Float32Array(samples.length * frameLength);
    const mel = new Float32Array(samples.length * melLength);
    const draws = samples.map((_, i) => (augment ? drawAugmentation(augment, new Random(seed, step, i)) : undefined));

    const uses = new Map<number, { frames: number[]; mel: number[] }>();
    const use = (clip: number) => uses.get(clip) ?? uses.set(clip, { frames: [], mel: [] }).get(clip)!;
    samples.forEach((sample, i) => {
      use(sample.frameClip).frames.push(i);
      use(sample.melClip).mel.push(i);
    });
    await inParallel([...uses], READS_AT_ONCE, async ([index, windows]) => {
      this.#alive();
      const id = ids[index];
      await named(id, async () => {
        for (const i of windows.frames) {
          const pictures = await this.#store.pictures(id, samples[i].frameStart, this.#recipe.frames);
          const out = frames.subarray(i * frameLength, (i + 1) * frameLength);
          cutMouthWindow(pictures, 0, { stored: this.#store.recipe.crop, recipe: this.#recipe, augmentation: draws[i], out });
        }
        const clip = await this.#store.open(id);
        for (const i of windows.mel) {
          const out = mel.subarray(i * melLength, (i + 1) * melLength);
          cutMelWindow(clip.mel, samples[i].melStart, { recipe: this.#recipe, augmentation: draws[i], out });
        }
      });
    });
    return { samples, frames, mel };
  }

  async #tensors(step: number, { samples, frames, mel }: PlainBatch): Promise<SyncBatch> {
    const { ids } = await this.#load();
    const { height, width } = pictureShape(this.#recipe.crop);
    const count = samples.length;
    const { sampling } = this.#options;
    const batch: SyncBatch = {
      step,
      frames: tf.tensor4d(frames, [count, height, width, this.#recipe.frames * 3]),
      mel: tf.tensor4d(mel, [count, this.#store.recipe.bins, this.#recipe.melSteps, 1]),
      ids: samples.map((sample) => ids[sample.melClip]),
      starts: samples.map((sample) => sample.melStart),
      frameIds: samples.map((sample) => ids[sample.frameClip]),
      frameStarts: samples.map((sample) => sample.frameStart),
    };
    if (sampling.kind === 'pairs') return { ...batch, labels: tf.tensor1d(samples.map((sample) => sample.label!)) };
    return { ...batch, clips: samples.map((_, i) => Math.floor(i / sampling.windows)) };
  }
}

/** Puts the clip's name in front of what goes wrong with it. */
export async function named<A>(id: string, work: () => Promise<A>): Promise<A> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && !error.message.includes(id)) error.message = `clip ${id}: ${error.message}`;
    throw error;
  }
}
