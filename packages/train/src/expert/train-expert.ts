import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LITE } from '@lipsync/avalignnet';
import { encodeSafetensors, sha256Hex, writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import {
  type ClipStore,
  CONTRAST,
  disposeBatch,
  SyncLoader,
  type SyncLoaderOptions,
  THESIS_PAIRS,
} from '@lipsync/dataloader';
import { cosineSchedule } from '@lipsync/nn';
import { startTrainer } from '../replicas/start-trainer';
import { settingsDiffer } from '../run/settings-differ';
import { type TrainingLogEntry, trainingCurve } from '../run/training-curve';
import { TrainingLog } from '../run/training-log';
import { spread, trainingSplit } from '../run/training-split';
import { loadTrainingState, saveTrainingState } from '../run/training-state';
import { publishedPreset, type Trainer, type TrainPreset } from '../step/trainer';
import { type ExpertEvaluation, evaluateExpert } from './evaluate-expert';
import { buildNetwork, metadataOf, type NetworkChoice, recipeFor } from './trained-network';
import type { TrainingPreset } from './training-presets';

export type { TrainPreset } from '../step/trainer';

export type TrainExpertOptions = NetworkChoice & {
  /** Prepared clips. */
  store: ClipStore;
  /** Folder of the run: weights, state, log, curve, report. A run found there goes on. */
  out: string;
  /** Optimiser steps in all. Default 1000. */
  steps?: number;
  /**
   * `contrast`: windows of the same clip against each other (InfoNCE), binary cross-entropy on the cosine blended in from 40 % to 70 % of the
   * run; augmentation, warm-up and cosine schedule, averaged weights. `thesis`: binary cross-entropy on independent labelled
   * pairs, constant rate 1e-5, nothing varied; on a few hours of video its loss stays at 0.693. `published`: the network's preset in
   * `TRAINING_PRESETS` (SyncNet: contrastive loss on distances; Wav2Lip and LatentSync: cross-entropy of cosines; AVAlignNet: as `thesis`).
   * Default `contrast`, for SyncNet `published`.
   */
  preset?: TrainPreset;
  /**
   * Names of the videos, without folder and extension, to hold for validation. Default: the split by people that the preparation ended with; where it found
   * none, every tenth video or so, drawn by the seed, which flatters where people appear in several.
   */
  heldOut?: readonly string[];
  /** Changes to the preset's sampling: clips and windows a batch (contrast), pairs a batch (thesis). */
  clipsPerBatch?: number;
  windowsPerClip?: number;
  pairsPerBatch?: number;
  /** Highest learning rate. Default 1.5e-3 (contrast), 1e-5 (thesis). */
  learningRate?: number;
  /** Default 0. */
  seed?: number;
  /** Threads that cut batches beside the training, the same whatever their number. Default 1. */
  workers?: number;
  /**
   * Most windows in the network at a time: the memory is that of so many, whatever the batch, and the result that of the whole batch; all of
   * them but the last go forward twice. Default: all.
   */
  chunk?: number;
  /**
   * Threads that train copies of the network on a share of each batch (Node), each on a wasm backend of its own with one thread; same losses as
   * 1, but for rounding. The backend that is set then only validates. Default 1: this thread, on the backend that is set.
   */
  replicas?: number;
  /** Steps between two checkpoints. Default 50. */
  checkpointEvery?: number;
  /** Steps between two validations on at most 60 held-out clips; 0 for none on the way. Default 250. */
  validateEvery?: number;
};

/** What the end of a run says. */
export type TrainReport = {
  steps: number;
  samples: number;
  parameters: number;
  trainingClips: number;
  heldOutClips: number;
  /** Of the weights written, on all held-out clips. */
  validation: ExpertEvaluation;
  weights: string;
  weightsHash: string;
  curve: string;
  /** Share of the steps' time, of this run, during which training waited for data, 0..1. */
  waitShare: number;
};

export type TrainEvent =
  | {
      kind: 'start';
      resumedAt: number;
      steps: number;
      clips: number;
      heldOut: string[];
      leftOut: string[];
      batch: number;
      parameters: number;
      replicas: number;
    }
  | { kind: 'step'; entry: TrainingLogEntry }
  | { kind: 'validation'; step: number; validation: ExpertEvaluation }
  | { kind: 'warning'; text: string }
  | { kind: 'done'; report: TrainReport };

const WARM_UP = 150;
const VALIDATION_CLIPS = 60; // on the way; the end takes all
const CHANCE = Math.log(2);
const PLATEAU_STEPS = 200;

/**
 * Trains an expert, AVAlignNet or a published one, on prepared clips and writes, into `out`: `weights.safetensors` (averaged weights with configuration and
 * recipe), `state.safetensors` (everything to go on), `log.jsonl`, `curve.svg` and `report.json`.
 *
 * Runs as far as it is iterated. Batch, schedule and loss of a step depend on the seed and the step alone, and checkpoints
 * hold all bits: a run that was killed and started again ends in the same weights.
 *
 * @throws Error if `out` holds a run with other settings, or the loss is not finite.
 * @example
 * for await (const event of trainExpert({ store, out: 'run', steps: 1000 })) {
 *   if (event.kind === 'step') progress.update(event.entry.step, `loss ${event.entry.loss.toFixed(3)}`);
 * }
 */
export async function* trainExpert(options: TrainExpertOptions): AsyncGenerator<TrainEvent> {
  const {
    store,
    out,
    steps = 1000,
    network = 'avalignnet',
    preset = network === 'syncnet' ? 'published' : 'contrast',
    config,
    width,
    seed = 0,
    chunk,
    replicas = 1,
    checkpointEvery = 50,
    validateEvery = 250,
  } = options;
  if (network === 'syncnet' && preset !== 'published') {
    fail(
      TypeError,
      'trainExpert',
      'preset',
      'published for syncnet, whose embeddings have distances rather than cosines',
      preset,
    );
  }
  const recipe = recipeFor(options);
  const choice: NetworkChoice = { network, config, width, recipe };
  const published = publishedPreset({ preset, choice });
  const learningRate = options.learningRate ?? published?.learningRate ?? (preset === 'contrast' ? 1.5e-3 : 1e-5);
  for (const [name, value] of Object.entries({
    steps,
    checkpointEvery,
    replicas,
    ...(chunk === undefined ? {} : { chunk }),
  })) {
    if (!(Number.isInteger(value) && value > 0)) fail(RangeError, 'trainExpert', name, 'a whole number above 0', value);
  }
  await mkdir(out, { recursive: true });
  const paths = {
    state: join(out, 'state.safetensors'),
    weights: join(out, 'weights.safetensors'),
    curve: join(out, 'curve.svg'),
  };

  const { train, held, byChance } = await trainingSplit(store, { heldOut: options.heldOut, seed });
  const loaderOptions = loaderFor(preset, options, published);
  const loader = new SyncLoader(store, recipe, { ...loaderOptions, clips: train, seed, workers: options.workers ?? 1 });
  const batchSize =
    loaderOptions.sampling.kind === 'pairs'
      ? loaderOptions.sampling.pairs
      : loaderOptions.sampling.clips * loaderOptions.sampling.windows;
  const scorer = buildNetwork(choice, seed);
  const divided = chunk !== undefined || replicas > 1;
  const usesBatchStatistics = scorer.namedBuffers().size > 0;
  const settings = JSON.stringify({
    steps,
    preset,
    ...(network === 'avalignnet' ? { config: config ?? LITE } : { network, width: width ?? 1 }),
    recipe,
    learningRate,
    seed,
    sampling: loaderOptions.sampling,
    train,
    held,
    // Elsewhere the division changes nothing but rounding, and a run may go on with another.
    ...(divided && usesBatchStatistics ? { chunk, replicas } : {}),
  });

  let trainer: Trainer | undefined;
  try {
    const { clips, leftOut } = await loader.summary();
    const found = await exists(paths.state);
    trainer = await startTrainer(
      { choice, preset, seed, learningRate, chunk },
      { rows: batchSize, replicas, network: scorer },
    );
    const training = trainer;
    let step = 0;
    if (found) {
      const state = await loadTrainingState(paths.state);
      const before = (state.extra as { settings: string }).settings;
      if (before !== settings)
        throw new Error(
          `trainExpert: out must be a new folder or one of the same run, got ${out} (${settingsDiffer(before, settings)})`,
        );
      step = state.step;
      await training.load(state);
    }
    const log = await TrainingLog.resumeAt<TrainingLogEntry>(join(out, 'log.jsonl'), step);
    yield {
      kind: 'start',
      resumedAt: step,
      steps,
      clips,
      heldOut: held,
      leftOut,
      batch: batchSize,
      parameters: scorer.parameterCount(),
      replicas,
    };
    if (divided && usesBatchStatistics) {
      yield {
        kind: 'warning',
        text: `${scorer.name} normalises by the statistics of what is in the network together: with chunks or replicas these are of fewer windows, so losses differ from those of an undivided batch`,
      };
    }
    if (byChance) {
      yield {
        kind: 'warning',
        text: `held out ${held.length} of ${held.length + train.length} clips by chance: if people appear in several videos, validation flatters; name the videos to hold out`,
      };
    }

    const schedule =
      preset === 'contrast'
        ? cosineSchedule({
            base: learningRate,
            warmupSteps: Math.min(WARM_UP, Math.floor(steps / 4)),
            totalSteps: steps,
            floor: 0.02 * learningRate,
          })
        : () => learningRate;
    const checkpoint = async () =>
      saveTrainingState(paths.state, {
        ...(await training.state()),
        step,
        seed,
        dataPosition: { step },
        extra: { settings },
      });
    const validate = async (limit: number): Promise<ExpertEvaluation> => {
      scorer.loadStateDict(await training.average());
      return evaluateExpert(scorer, store, { clips: spread(held, limit) });
    };

    const batches = loader.from(step);
    let flat = 0;
    let [waited, worked] = [0, 0];
    try {
      while (step < steps) {
        const started = performance.now();
        const { value: batch } = await batches.next();
        const pulled = performance.now();
        const rate = schedule(step);
        let result: Awaited<ReturnType<Trainer['step']>>;
        try {
          result = await training.step(batch, { learningRate: rate, progress: step / steps });
        } finally {
          disposeBatch(batch);
        }
        step++;
        const ended = performance.now();
        // The first batch waits for the loader's threads to start.
        if (worked > 0) waited += pulled - started;
        worked += ended - started;
        const entry: TrainingLogEntry = {
          step,
          loss: result.loss,
          positiveCosine: result.positiveCosine,
          negativeCosine: result.negativeCosine,
          learningRate: rate,
          samplesPerSec: batchSize / ((ended - started) / 1000),
          waitShare: (pulled - started) / (ended - started),
        };
        if (held.length > 0 && validateEvery > 0 && step % validateEvery === 0 && step < steps) {
          const validation = await validate(VALIDATION_CLIPS);
          entry.validationAuc = validation.auc;
          yield { kind: 'validation', step, validation };
        }
        await log.add(entry);
        if (step % checkpointEvery === 0 || step === steps) await checkpoint();
        flat = preset !== 'contrast' && network !== 'syncnet' && Math.abs(result.loss - CHANCE) < 0.005 ? flat + 1 : 0;
        if (flat === PLATEAU_STEPS)
          yield {
            kind: 'warning',
            text: `the loss has been at ln 2 = 0.693 for ${PLATEAU_STEPS} steps: nothing is being learned; try the contrast preset`,
          };
        yield { kind: 'step', entry };
      }
    } finally {
      await batches.return(undefined);
    }

    const bytes = encodeSafetensors(await training.average(), metadataOf(scorer));
    await writeFileAtomic(paths.weights, bytes);
    const validation = await validate(Number.POSITIVE_INFINITY);
    const last = log.entries[log.entries.length - 1];
    if (last) last.validationAuc = validation.auc;
    if (last)
      await writeFileAtomic(
        paths.curve,
        trainingCurve(log.entries, `${scorer.name}, ${preset}, ${steps} steps of ${batchSize} windows, ${clips} clips`),
      );
    const report: TrainReport = {
      steps,
      samples: steps * batchSize,
      parameters: scorer.parameterCount(),
      trainingClips: clips,
      heldOutClips: held.length,
      validation,
      weights: paths.weights,
      weightsHash: await sha256Hex(bytes),
      curve: paths.curve,
      waitShare: worked > 0 ? waited / worked : 0,
    };
    await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    yield { kind: 'done', report };
  } finally {
    loader.dispose();
    await trainer?.dispose();
    scorer.dispose();
  }
}

function loaderFor(
  preset: TrainPreset,
  options: TrainExpertOptions,
  published?: TrainingPreset,
): Required<Pick<SyncLoaderOptions, 'sampling' | 'augment'>> {
  if (preset !== 'contrast') {
    const { pairs = THESIS_PAIRS.sampling.pairs, positiveShare = 0.5, minOffset = 1 } = published ?? {};
    const { pairsPerBatch = pairs } = options;
    return { ...THESIS_PAIRS, sampling: { ...THESIS_PAIRS.sampling, pairs: pairsPerBatch, positiveShare, minOffset } };
  }
  const { clipsPerBatch = CONTRAST.sampling.clips, windowsPerClip = CONTRAST.sampling.windows } = options;
  return { ...CONTRAST, sampling: { ...CONTRAST.sampling, clips: clipsPerBatch, windows: windowsPerClip } };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
