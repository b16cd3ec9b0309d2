import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex, writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, DINetLoader, disposeDinetBatch, ImageProcessor } from '@lipsync/dataloader';
import {
  type DinetConfig,
  DinetDiscriminator,
  DinetGenerator,
  type DinetWeights,
  dinetPerceptual,
  LITE_DINET,
  loadDinet,
  saveDinet,
} from '@lipsync/dinet';
import type { ImageFeatures } from '@lipsync/nn';
import { settingsDiffer } from '../run/settings-differ';
import { TrainingLog } from '../run/training-log';
import { spread, trainingSplit } from '../run/training-split';
import { loadTrainingState, saveTrainingState } from '../run/training-state';
import { DinetTrainer } from './dinet-trainer';
import { CLIP_FRAMES, expertMouths, sizesFor, trainBatchOf } from './generator-batch';
import { type GeneratorLogEntry, generatorCurve } from './generator-curve';
import { type GeneratorCheck, GeneratorValidation } from './generator-validation';
import { NonFiniteLoss } from './non-finite-loss';

export type TrainGeneratorOptions = {
  /** Clips of head crops: `lipsync prepare --head N`. */
  store: ClipStore;
  /** Folder of the run: weights, state, log, curve, report. A run found there goes on. */
  out: string;
  /**
   * `frame`: single frames, judged by the frame discriminator. `clip`: frames in a row, judged by the clip discriminator, too, and by the
   * expert where there is one. Default `frame`.
   */
  stage?: 'frame' | 'clip';
  /** Optimiser steps in all. Default 1000. */
  steps?: number;
  /** Of a new generator. Default `LITE_DINET`. */
  config?: DinetConfig;
  /** Weights to start from, of an earlier stage or a smaller mouth; they bring their configuration. */
  from?: string;
  /** Sync loss of the clip stage: a network whose recipe has the crop `dinet`. Borrowed. */
  expert?: SyncExpert;
  /** VGG-19 with ImageNet's weights for the perceptual loss, or `none`, which the run's report says. Borrowed. */
  perceptual: ImageFeatures | 'none';
  /** Weights of the losses. Default DINet's and the thesis's: perceptual 10, gan 1, sync 0.1, image 1. */
  weights?: Partial<DinetWeights>;
  /** Frames (frame) or rows of frames (clip) a batch. Default 24 and 3, as published. */
  batch?: number;
  /** Frames in a row of the clip stage, a multiple of 5. Default as many as the expert looks at, 5 without one. */
  row?: number;
  /** Frames or rows in the network at a time; gradients are added up. Default: all. */
  chunk?: number;
  /** Channels of the discriminators' first layer are twice this. Default the generator's width. */
  discriminatorWidth?: number;
  /** Learning rate of the first half; it falls to 0 in a straight line over the second. Default 1e-4. */
  learningRate?: number;
  /** Largest norm of the generator's gradients. Default: none, as published. */
  clipNorm?: number;
  /** Names of the videos, without folder and extension, to hold for validation. Default: as for `trainExpert`. */
  heldOut?: readonly string[];
  /** Only these clips, held-out ones left out. Default: all. */
  clips?: readonly string[];
  /** Default 0. */
  seed?: number;
  /** Threads that make batches. Default 1. */
  workers?: number;
  /** Steps between two checkpoints. Default 50. */
  checkpointEvery?: number;
  /** Steps between two validations; 0 for none on the way. Default 100. */
  validateEvery?: number;
  /** Rows of frames that a validation paints. Default 16. */
  validationRows?: number;
};

/** What the end of a run says. */
export type TrainGeneratorReport = {
  stage: 'frame' | 'clip';
  steps: number;
  frameCount: number;
  parameters: number;
  mouth: number;
  trainingClips: number;
  heldOutClips: number;
  expert?: { name: string; weightsHash?: string };
  /** `vgg19`, or `none`: trained without the perceptual loss. */
  perceptual: 'vgg19' | 'none';
  validation: GeneratorCheck;
  weights: string;
  curve: string;
  seconds: number;
};

export type TrainGeneratorEvent =
  | {
      kind: 'start';
      resumedAt: number;
      steps: number;
      clips: number;
      heldOut: string[];
      leftOut: string[];
      frameCount: number;
      parameters: number;
      config: DinetConfig;
      mouth: number;
    }
  | { kind: 'step'; entry: GeneratorLogEntry }
  | { kind: 'validation'; step: number; validation: GeneratorCheck }
  | { kind: 'warning'; text: string }
  | { kind: 'done'; report: TrainGeneratorReport };

const VALIDATION_CLIPS = 200;

/**
 * Trains DINet on prepared head crops, one stage a run, and writes, into `out`: `weights.safetensors` (with configuration and mouth size),
 * `state.safetensors` (everything to go on), `log.jsonl`, `curve.svg` and `report.json`.
 *
 * Stages follow each other by `from`: frames of 64, 128 and 256 pixels, then clips. Runs as far as it is iterated. Batch and rate of a step depend
 * on the seed and the step alone, and checkpoints hold all bits: a run that was killed and started again ends in the same weights.
 *
 * @throws Error if `out` holds a run with other settings; if a loss is not finite or explodes: the message names the last good checkpoint, which
 *   stays; TypeError where expert, store and stage do not fit each other.
 * @example
 * for await (const event of trainGenerator({ store, out: 'frame', perceptual: 'none' })) {
 *   if (event.kind === 'step') progress.update(event.entry.step, `loss ${event.entry.generator.toFixed(3)}`);
 * }
 */
export async function* trainGenerator(options: TrainGeneratorOptions): AsyncGenerator<TrainGeneratorEvent> {
  const {
    store,
    out,
    stage = 'frame',
    steps = 1000,
    expert,
    perceptual,
    seed = 0,
    learningRate = 1e-4,
    chunk,
    clipNorm,
  } = options;
  const {
    checkpointEvery = 50,
    validateEvery = 100,
    validationRows = 16,
    workers = 1,
    batch: rows = stage === 'clip' ? 3 : 24,
  } = options;
  for (const [name, value] of Object.entries({
    steps,
    checkpointEvery,
    rows,
    validationRows,
    ...(chunk === undefined ? {} : { chunk }),
  })) {
    if (!(Number.isInteger(value) && value > 0))
      fail(RangeError, 'trainGenerator', name, 'a whole number above 0', value);
  }
  const { crop } = store.recipe;
  if (crop.kind !== 'dinet head')
    fail(TypeError, 'trainGenerator', 'store', 'of head crops (lipsync prepare --head N)', crop.kind);
  if (expert && stage === 'frame')
    fail(TypeError, 'trainGenerator', 'expert', 'given in the clip stage, whose frames follow each other', expert.name);
  const images = new ImageProcessor({ mouth: crop.mouth });
  const row = stage === 'frame' ? 1 : (options.row ?? expert?.recipe.frameCount ?? CLIP_FRAMES);
  if (stage === 'clip' && (row % CLIP_FRAMES !== 0 || (expert && row !== expert.recipe.frameCount))) {
    fail(
      RangeError,
      'trainGenerator',
      'row',
      expert ? `the ${expert.recipe.frameCount} frames that the expert looks at` : `a multiple of ${CLIP_FRAMES}`,
      row,
    );
  }
  await mkdir(out, { recursive: true });
  const paths = {
    state: join(out, 'state.safetensors'),
    weights: join(out, 'weights.safetensors'),
    curve: join(out, 'curve.svg'),
  };
  const started = Date.now();

  const generator = options.from
    ? await loadDinet(options.from)
    : new DinetGenerator(options.config ?? LITE_DINET, { seed });
  const { config } = generator;
  const mouths = expert && expertMouths(expert, { store, images, audio: config.audio.kind });
  const discriminatorWidth = options.discriminatorWidth ?? config.width;
  const split = await trainingSplit(store, { heldOut: options.heldOut, seed });
  const wanted = options.clips && new Set(options.clips);
  const train = wanted ? split.train.filter((id) => wanted.has(id)) : split.train;
  const { held, byChance } = split;
  const sizes = sizesFor(config, row);
  const settings = JSON.stringify({
    stage,
    steps,
    config,
    from: options.from && (await sha256Hex(await readFile(options.from))),
    expert: expert && { name: expert.name, weights: expert.weightsHash, recipe: expert.recipe },
    perceptual: perceptual === 'none' ? 'none' : 'vgg19',
    weights: options.weights,
    batch: rows,
    row,
    discriminatorWidth,
    learningRate,
    clipNorm,
    seed,
    train,
    held,
  });
  let trainer: DinetTrainer | undefined;
  let validation: GeneratorValidation | undefined;
  let loader: DINetLoader | undefined;
  try {
    const frameDiscriminator = new DinetDiscriminator({ frameCount: 1, width: discriminatorWidth, seed: seed + 1 });
    const clipDiscriminator =
      stage === 'clip'
        ? new DinetDiscriminator({ frameCount: CLIP_FRAMES, width: discriminatorWidth, seed: seed + 2 })
        : undefined;
    trainer = new DinetTrainer({
      generator,
      frameDiscriminator,
      clipDiscriminator,
      learningRate,
      weights: options.weights,
      clipNorm,
      chunk,
      ...(perceptual === 'none' ? {} : { perceptual: dinetPerceptual(perceptual) }),
      ...(expert && mouths ? { sync: { expert, mouthInput: mouths } } : {}),
    });
    let step = 0;
    if (await exists(paths.state)) {
      const state = await loadTrainingState(paths.state);
      const before = (state.extra as { settings: string }).settings;
      if (before !== settings) {
        throw new Error(
          `trainGenerator: out must be a new folder or one of the same run, got ${out} (${settingsDiffer(before, settings)})`,
        );
      }
      step = state.step;
      trainer.loadState(state);
    }
    loader = new DINetLoader(store, { ...sizes, batch: rows, seed, clips: train, workers, startStep: step });
    const { clips, leftOut } = await loader.summary();
    const log = await TrainingLog.resumeAt<GeneratorLogEntry>(join(out, 'log.jsonl'), step);
    yield {
      kind: 'start',
      resumedAt: step,
      steps,
      clips,
      heldOut: held,
      leftOut,
      frameCount: rows * row,
      parameters: generator.parameterCount(),
      config,
      mouth: crop.mouth,
    };
    if (perceptual === 'none')
      yield { kind: 'warning', text: 'trained without the perceptual loss: frames stay softer; the report says so' };
    if (byChance)
      yield {
        kind: 'warning',
        text: `held out ${held.length} clips by chance: name the videos to hold out where people appear in several`,
      };
    const judged =
      held.length > 0
        ? ({ on: 'held-out', clips: spread(held, VALIDATION_CLIPS) } as const)
        : ({ on: 'training', clips: spread(train, VALIDATION_CLIPS) } as const);
    validation = new GeneratorValidation(store, {
      ...sizesFor(config, Math.max(row, CLIP_FRAMES)),
      ...judged,
      images,
      rows: validationRows,
      expert,
      mouths,
    });

    let saved = step > 0 ? step : undefined;
    const checkpoint = async () => {
      await saveTrainingState(paths.state, {
        ...(await (trainer as DinetTrainer).state()),
        step,
        seed,
        extra: { settings },
      });
      saved = step;
    };
    for await (const batch of loader) {
      if (step >= steps) {
        disposeDinetBatch(batch);
        break;
      }
      const rate = learningRate * Math.min(1, 2 * (1 - step / steps));
      const at = performance.now();
      let result: Awaited<ReturnType<DinetTrainer['step']>>;
      const seen = trainBatchOf(batch, { images, row, expert });
      try {
        result = await trainer.step(seen, { learningRate: rate });
      } catch (error) {
        if (!(error instanceof NonFiniteLoss)) throw error;
        const kept =
          saved === undefined
            ? 'no checkpoint was written yet'
            : `the last good checkpoint, of step ${saved}, is ${paths.state}`;
        throw new Error(`trainGenerator: step ${step + 1}: ${error.message}; ${kept}`, { cause: error });
      } finally {
        seen.masked.dispose();
        disposeDinetBatch(batch);
      }
      step++;
      const entry: GeneratorLogEntry = {
        step,
        ...result,
        learningRate: rate,
        framesPerSec: (rows * row) / ((performance.now() - at) / 1000),
      };
      if (validateEvery > 0 && step % validateEvery === 0 && step < steps) {
        entry.validation = await validation.check(generator);
        yield { kind: 'validation', step, validation: entry.validation };
      }
      await log.add(entry);
      if (step % checkpointEvery === 0 || step === steps) await checkpoint();
      yield { kind: 'step', entry };
    }

    const check = await validation.check(generator);
    const last = log.entries.at(-1);
    if (last) last.validation = check;
    await saveDinet(paths.weights, generator, { mouth: `${crop.mouth}`, stage, steps: `${steps}` });
    if (last)
      await writeFileAtomic(
        paths.curve,
        generatorCurve(
          log.entries,
          `DINet, ${stage} stage, mouth ${crop.mouth}, ${steps} steps of ${rows * row} frames, ${clips} clips`,
        ),
      );
    const report: TrainGeneratorReport = {
      stage,
      steps,
      frameCount: steps * rows * row,
      parameters: generator.parameterCount(),
      mouth: crop.mouth,
      trainingClips: clips,
      heldOutClips: held.length,
      ...(expert
        ? { expert: { name: expert.name, ...(expert.weightsHash ? { weightsHash: expert.weightsHash } : {}) } }
        : {}),
      perceptual: perceptual === 'none' ? 'none' : 'vgg19',
      validation: check,
      weights: paths.weights,
      curve: paths.curve,
      seconds: (Date.now() - started) / 1000,
    };
    await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    yield { kind: 'done', report };
  } finally {
    loader?.dispose();
    validation?.dispose();
    if (trainer) trainer.dispose();
    else generator.dispose();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
