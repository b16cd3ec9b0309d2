import { fail, type SyncRecipe } from '@lipsync/contracts';
import {
  AUGMENTATION,
  type Augmentation,
  type ClipStore,
  type ContrastSampling,
  type Degradation,
  type LoaderSummary,
  type PairSampling,
  SyncLoader,
  type SyncSampling,
} from '@lipsync/dataloader';
import { dinetRecipe } from '@lipsync/syncnet';
import { assertCounts } from '../run/run';
import { trainingSplit } from '../run/training-split';
import { type NetworkChoice, recipeFor } from './trained-network';
import { type ExpertPreset, presetFor, type TrainingPreset } from './training-presets';

/** How the windows of a run differ from those of its preset; plain data, which a JSON file can hold. */
export type DataOverrides = {
  /** Fields of the preset's sampling. */
  sampling?: Partial<ContrastSampling> | Partial<PairSampling>;
  /** Fields of the preset's augmentation; null for none. */
  augment?: Partial<Augmentation> | null;
  /** Degradation as of poor recordings. */
  degradation?: Degradation | null;
};

/** The options that decide which windows a run draws. */
export type TrainingPlanOptions = NetworkChoice & {
  /** Prepared clips. */
  store: ClipStore;
  /**
   * Optimiser steps in all. Default 1000. A run found in `out`, also a finished one, may get more than it was planned
   * for: it continues from its last checkpoint, and rate and loss follow the schedule of the longer run from there on.
   */
  steps?: number;
  /**
   * `contrast`: windows of the same clip against each other (InfoNCE), with binary cross-entropy of the cosines blended
   * in from 40 % to 70 % of the run; augmentation, warm-up and cosine schedule, averaged weights. `thesis`: binary
   * cross-entropy on independent labelled pairs at the constant rate 1e-5, no augmentation, weights as trained; on a
   * few hours of video its loss stays at 0.693. `published`: the network's own preset in `TRAINING_PRESETS`; of
   * AVAlignNet that is `thesis`. Default `contrast`; of SyncNet and DINet's network `published`, the only one that fits
   * them.
   */
  preset?: ExpertPreset;
  /**
   * Names of the videos to hold out for validation, without folder and extension. Default: the split by people that the
   * preparation ended with. Where it found none: about every tenth video, drawn by the seed. That is optimistic where
   * people appear in several videos, as identities leak across the split.
   */
  heldOut?: readonly string[];
  /** What differs from the preset in how windows are drawn and varied. Default: nothing. */
  data?: DataOverrides;
  /** Clips a batch of the contrast preset. Default 12. */
  clipsPerBatch?: number;
  /** Windows of each of these clips. Default 6. */
  windowsPerClip?: number;
  /** Pairs a batch of the other presets. Default the preset's: 256 for `thesis`. */
  pairsPerBatch?: number;
  /** Highest learning rate. Default the preset's: 1.5e-3 for `contrast`, 1e-5 for `thesis`. */
  learningRate?: number;
  /** Seed of first weights, batches and augmentation. Default 0. */
  seed?: number;
  /**
   * Most windows in the network at a time: memory is that of one chunk, gradients are those of the whole batch; every
   * chunk but the last goes forward twice. Default: all.
   */
  chunk?: number;
  /**
   * Threads that each train a copy of the network on a share of each batch (Node), each on its own wasm backend with
   * one thread. The losses are those of one thread but for rounding. The backend that is set then only validates.
   * Default 1: this thread, on the backend that is set.
   */
  replicas?: number;
};

/** What the options of a run come to. */
export type TrainingPlan = {
  choice: NetworkChoice;
  recipe: SyncRecipe;
  presetName: ExpertPreset;
  preset: TrainingPreset;
  sampling: SyncSampling;
  augment: TrainingPreset['augment'];
  /** Windows or pairs a step. */
  batch: number;
  learningRate: number;
  steps: number;
};

/** @throws TypeError where network and preset do not fit each other; RangeError for counts. */
export function planTraining(options: TrainingPlanOptions): TrainingPlan {
  const { store, network = 'avalignnet', config, width, steps = 1000, chunk, replicas = 1 } = options;
  assertCounts('trainExpert', { steps, replicas, chunk });
  const presetName = options.preset ?? (network === 'syncnet' || network === 'dinet' ? 'published' : 'contrast');
  const preset = presetFor(presetName, network);
  const { crop } = store.recipe;
  // The publisher's mouth has 256 pixels; a store of smaller face images has its own.
  const own = network === 'dinet' && crop.kind === 'dinet head' ? dinetRecipe(crop.mouth) : undefined;
  const suited = recipeFor({ ...options, recipe: own });
  const loudness = suited.features === 'ASR_LOGITS' ? 'none' : preset.loudness;
  const recipe = options.recipe ?? { ...suited, loudness };
  const sampling = sampled(preset.sampling, options);
  return {
    ...{ choice: { network, config, width, recipe }, recipe, presetName, preset, sampling },
    augment: augmentOf(preset, options.data),
    batch: sampling.kind === 'pairs' ? sampling.pairs : sampling.clips * sampling.windows,
    learningRate: options.learningRate ?? preset.learningRate,
    steps,
  };
}

function augmentOf({ augment }: TrainingPreset, data: DataOverrides = {}): TrainingPreset['augment'] {
  if (data.augment === null) return null;
  return data.augment ? { ...(augment ?? AUGMENTATION), ...data.augment } : augment;
}

function sampled(published: SyncSampling, options: TrainingPlanOptions): SyncSampling {
  const sampling = { ...published, ...options.data?.sampling } as SyncSampling;
  if (sampling.kind === 'pairs') return { ...sampling, pairs: options.pairsPerBatch ?? sampling.pairs };
  const { clipsPerBatch = sampling.clips, windowsPerClip = sampling.windows } = options;
  return { ...sampling, clips: clipsPerBatch, windows: windowsPerClip };
}

/**
 * Refuses, before anything is started, what `trainExpert` would refuse with these options: clips that do not fit the
 * network, and fewer clips than a batch takes. It draws nothing and makes no network.
 *
 * @throws TypeError and RangeError as `trainExpert`.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { assertTrainable } from '@lipsync/train';
 * await assertTrainable({ store: await ClipStore.open('clips'), clipsPerBatch: 12 });
 */
export async function assertTrainable(options: TrainingPlanOptions): Promise<void> {
  const { recipe, sampling, augment } = planTraining(options);
  const { store, seed = 0 } = options;
  const { train } = await trainingSplit(store, { heldOut: options.heldOut, seed });
  const loader = new SyncLoader(store, recipe, { sampling, augment, clips: train, seed });
  try {
    assertEnoughClips(sampling, await loader.summary());
  } finally {
    loader.dispose();
  }
}

/** Refuses fewer clips than a batch takes. */
export function assertEnoughClips(
  sampling: SyncSampling,
  { clips, leftOut }: Pick<LoaderSummary, 'clips' | 'leftOut'>,
): void {
  const all = clips + leftOut.length;
  const where = 'trainExpert';
  const needed = sampling.kind === 'pairs' && sampling.crossClipShare > 0 ? 2 : 1;
  if (clips < needed) {
    const long = sampling.kind === 'contrast' ? `${sampling.windows} windows each` : 'their pairs';
    fail(
      RangeError,
      where,
      'store',
      `one with ${needed} or more training clips that are long enough for ${long}`,
      `${clips} of ${all}`,
    );
  }
  if (sampling.kind === 'contrast' && clips < sampling.clips) {
    const rule = `at most ${clips}, the training clips that are long enough for ${sampling.windows} windows (of ${all})`;
    fail(RangeError, where, 'clipsPerBatch', rule, sampling.clips);
  }
}
