import { readFile } from 'node:fs/promises';
import { encodeSafetensors, sha256Hex, writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type ClipStore, DinetLoader, disposeDinetBatch, ImageProcessor } from '@lipsync/dataloader';
import {
  type DinetConfig,
  DinetDiscriminator,
  DinetGenerator,
  type DinetWeights,
  dinetMetadata,
  dinetPerceptual,
  LITE_DINET,
  loadDinet,
} from '@lipsync/dinet';
import type { ImageFeatures } from '@lipsync/nn';
import { assertCounts, type Lengthening, Run, type RunEvent, type RunTask } from '../run/run';
import { spread, type TrainingSplit, trainingSplit } from '../run/training-split';
import { DinetTrainer } from './dinet-trainer';
import { CLIP_FRAMES, type ExpertMouths, expertMouths, sizesFor, trainBatchOf } from './generator-batch';
import { type GeneratorLogEntry, generatorCurve } from './generator-curve';
import { type GeneratorCheck, GeneratorValidation } from './generator-validation';

export type TrainGeneratorOptions = {
  /** Clips of head crops (`crop.kind` `dinet head`). */
  store: ClipStore;
  /** Folder of the run: weights, settings, state, log, curve, report. A run found there resumes. */
  out: string;
  /**
   * `frame`: single frames against the frame discriminator. `clip`: rows of consecutive frames, against the clip
   * discriminator, too, and with the sync loss where an expert is given. Default `frame`.
   */
  stage?: 'frame' | 'clip';
  /** Optimiser steps in all. Default 1000. */
  steps?: number;
  /** Configuration of a new generator. Default `LITE_DINET`. */
  config?: DinetConfig;
  /** Path of the weights to start from, of an earlier stage or a smaller mouth; they bring their configuration. */
  from?: string;
  /**
   * The expert of the clip stage's sync loss: a network whose recipe has the crop `dinet`. Borrowed. Default: no sync
   * loss.
   */
  expert?: SyncExpert;
  /**
   * VGG-19 with ImageNet's weights for the perceptual loss, borrowed; or `none` to train without it, which the report
   * states.
   */
  perceptual: ImageFeatures | 'none';
  /** Weights of the losses. Default DINet's and the thesis's: perceptual 10, gan 1, sync 0.1, image 1. */
  weights?: Partial<DinetWeights>;
  /** Frames (stage `frame`) or rows of frames (stage `clip`) a batch. Default 24 and 3, as published. */
  batch?: number;
  /** Frames of a row in the clip stage, a multiple of 5. Default the expert's window; 5 without an expert. */
  row?: number;
  /** Frames or rows in the network at a time; their gradients are added up. Default: all. */
  chunk?: number;
  /** Half the channels of the discriminators' first layer. Default the generator's width. */
  discriminatorWidth?: number;
  /** Learning rate of the first half; it falls linearly to 0 over the second half. Default 1e-4. */
  learningRate?: number;
  /** Largest norm of the generator's gradients. Default: not clipped, as published. */
  clipNorm?: number;
  /** Names of the videos to hold out for validation, without folder and extension. Default: as for `trainExpert`. */
  heldOut?: readonly string[];
  /** Ids of the clips to train on, less the held-out ones. Default: all. */
  clips?: readonly string[];
  /** Seed of first weights and batches. Default 0. */
  seed?: number;
  /** Threads that make batches. Default 1. */
  workers?: number;
  /** Steps between two checkpoints. Default 50. */
  checkpointEvery?: number;
  /** Steps between two validations; 0 for none before the end. Default 100. */
  validateEvery?: number;
  /** Rows of frames that a validation generates. Default 16. */
  validationRows?: number;
};

/** What a finished run reports; also written to `report.json`. */
export type TrainGeneratorReport = {
  stage: 'frame' | 'clip';
  steps: number;
  /** Frames trained on, in all steps. */
  frameCount: number;
  parameters: number;
  /** Side of the mouth box in pixels. */
  mouth: number;
  trainingClips: number;
  heldOutClips: number;
  expert?: { name: string; weightsHash?: string };
  /** `vgg19`, or `none`: trained without the perceptual loss. */
  perceptual: 'vgg19' | 'none';
  validation: GeneratorCheck;
  /** Path of the weights. */
  weights: string;
  /** Path of the curve. */
  curve: string;
  /** Where the run was lengthened: its result is not that of one run of so many steps. Missing where it never was. */
  lengthened?: readonly Lengthening[];
  /** Wall-clock seconds of this start. */
  seconds: number;
};

/** What `trainGenerator` yields: the start, every step, validations, warnings, and the report at the end. */
export type TrainGeneratorEvent = RunEvent<
  {
    /** Steps that an earlier start took. */
    resumedAt: number;
    steps: number;
    /** Clips that are trained on. */
    clips: number;
    heldOut: string[];
    /** Clips that are too short. */
    leftOut: string[];
    /** Frames a step. */
    frameCount: number;
    parameters: number;
    config: DinetConfig;
    /** Side of the mouth box in pixels. */
    mouth: number;
  },
  GeneratorLogEntry,
  GeneratorCheck,
  TrainGeneratorReport
>;

const VALIDATION_CLIPS = 200;

/**
 * Trains DINet on prepared head crops, one stage a run. Writes into `out`: `weights.safetensors` (with configuration
 * and mouth size), `settings.json`, `state.safetensors` (the last checkpoint), `log.jsonl`, `curve.svg` and
 * `report.json`.
 *
 * The stages follow each other by `from`: frames of 64, 128 and 256 pixels, then clips. Runs as far as it is iterated.
 * Batch and rate of a step depend on the seed and the step number alone, and checkpoints keep all bits: a run that was
 * killed and started again ends in the same weights.
 *
 * @throws Error if `out` holds a run with other settings, or if a loss is not finite or diverges: the message names
 *   the last good checkpoint, which stays. TypeError where expert, store and stage do not fit each other.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { trainGenerator } from '@lipsync/train';
 * const store = await ClipStore.open('heads');
 * for await (const event of trainGenerator({ store, out: 'frame', perceptual: 'none' })) {
 *   if (event.kind === 'step') console.log(event.entry.step, event.entry.generator);
 * }
 */
export async function* trainGenerator(options: TrainGeneratorOptions): AsyncGenerator<TrainGeneratorEvent> {
  const started = Date.now();
  const plan = planRun(options);
  const { store, out, steps, seed, batch, row, mouth } = plan;
  const generator = options.from
    ? await loadDinet(options.from)
    : new DinetGenerator(options.config ?? LITE_DINET, { seed });
  let trainer: DinetTrainer | undefined;
  let generatorSteps: GeneratorSteps | undefined;
  let loader: DinetLoader | undefined;
  try {
    const { config } = generator;
    const images = new ImageProcessor({ mouth });
    const mouths = options.expert && expertMouths(options.expert, { store, images, audio: config.audio.kind });
    const split = await splitOf(options, seed);
    const run = await Run.open<GeneratorLogEntry>(out, {
      where: 'trainGenerator',
      steps,
      seed,
      settings: await settingsOf(options, plan, config, split),
      checkpointEvery: options.checkpointEvery ?? 50,
      validateEvery: options.validateEvery ?? 100,
    });
    trainer = buildTrainer(options, plan, generator, mouths);
    if (run.found) trainer.loadState(run.found);
    const syncLoudness = options.expert?.recipe.loudness;
    const drawn = { clips: split.train, workers: options.workers ?? 1, startStep: run.step, syncLoudness };
    loader = new DinetLoader(store, { ...sizesFor(config, row), batchSize: batch, seed, ...drawn });
    const { clips, leftOut } = await loader.summary();
    const parameters = generator.parameterCount();
    const facts = { steps, clips, heldOut: split.held, leftOut, frameCount: batch * row, parameters, config, mouth };
    yield { kind: 'start', resumedAt: run.step, ...facts };
    for (const text of [...warningsOf(options, split), ...lengthenedWarning(run, plan)])
      yield { kind: 'warning', text };

    const validation = validationFor(options, plan, { config, images, mouths, split });
    generatorSteps = new GeneratorSteps({
      plan,
      trainer,
      generator,
      images,
      loader,
      validation,
      expert: options.expert,
    });
    yield* run.train(generatorSteps);

    const check = await validation.check(generator);
    const last = run.log.entries.at(-1);
    if (last) last.validation = check;
    await saveWeights(run.paths.weights, generator, plan);
    const title = `DINet, ${plan.stage} stage, mouth ${mouth}, ${steps} steps of ${batch * row} frames, ${clips} clips`;
    const report = await run.finish<TrainGeneratorReport>({
      curve: (log) => generatorCurve(log, title),
      report: {
        ...{ stage: plan.stage, steps, frameCount: steps * batch * row, parameters, mouth },
        ...{ trainingClips: clips, heldOutClips: split.held.length, ...expertFacts(options.expert) },
        ...{ perceptual: plan.perceptual, validation: check, weights: run.paths.weights, curve: run.paths.curve },
        ...(run.lengthened.length > 0 ? { lengthened: run.lengthened } : {}),
        seconds: (Date.now() - started) / 1000,
      },
    });
    yield { kind: 'done', report };
  } finally {
    loader?.dispose();
    generatorSteps?.dispose();
    if (trainer) trainer.dispose();
    else generator.dispose();
  }
}

/** What the options of a run come to. */
type Plan = {
  store: ClipStore;
  out: string;
  stage: 'frame' | 'clip';
  steps: number;
  seed: number;
  /** Rows a step. */
  batch: number;
  /** Frames of a row. */
  row: number;
  mouth: number;
  learningRate: number;
  perceptual: 'vgg19' | 'none';
};

function planRun(options: TrainGeneratorOptions): Plan {
  const where = 'trainGenerator';
  const { store, out, stage = 'frame', steps = 1000, expert, seed = 0, learningRate = 1e-4, chunk } = options;
  const { checkpointEvery, validationRows, batch = stage === 'clip' ? 3 : 24 } = options;
  assertCounts(where, { steps, checkpointEvery, batch, validationRows, chunk });
  const { crop } = store.recipe;
  if (crop.kind !== 'dinet head') return fail(TypeError, where, 'store', 'of head crops (dinet head)', crop.kind);
  if (expert && stage === 'frame')
    fail(TypeError, where, 'expert', 'given in the clip stage only, whose frames are consecutive', expert.name);
  const window = expert?.recipe.frameCount;
  const row = stage === 'frame' ? 1 : (options.row ?? window ?? CLIP_FRAMES);
  if (stage === 'clip' && (row % CLIP_FRAMES !== 0 || (window !== undefined && row !== window))) {
    const rule = window === undefined ? `a multiple of ${CLIP_FRAMES}` : `the ${window} frames of the expert's window`;
    fail(RangeError, where, 'row', rule, row);
  }
  const perceptual = options.perceptual === 'none' ? 'none' : 'vgg19';
  return { store, out, stage, steps, seed, batch, row, mouth: crop.mouth, learningRate, perceptual };
}

/** Held-out clips, and those to train on: of the clips asked for. */
async function splitOf({ store, heldOut, clips }: TrainGeneratorOptions, seed: number): Promise<TrainingSplit> {
  const split = await trainingSplit(store, { heldOut, seed });
  const wanted = clips && new Set(clips);
  return wanted ? { ...split, train: split.train.filter((id) => wanted.has(id)) } : split;
}

async function settingsOf(
  { from, expert, weights, discriminatorWidth, clipNorm }: TrainGeneratorOptions,
  { stage, steps, perceptual, batch, row, learningRate, seed }: Plan,
  config: DinetConfig,
  { train, held }: TrainingSplit,
): Promise<Record<string, unknown>> {
  return {
    ...{ stage, steps, config },
    from: from && (await sha256Hex(await readFile(from))),
    expert: expert && { name: expert.name, weights: expert.weightsHash, recipe: expert.recipe },
    ...{ perceptual, weights, batch, row, discriminatorWidth: discriminatorWidth ?? config.width },
    ...{ learningRate, clipNorm, seed, train, held },
  };
}

function warningsOf({ perceptual }: TrainGeneratorOptions, { held, byChance }: TrainingSplit): string[] {
  return [
    ...(perceptual === 'none' ? ['trained without the perceptual loss: frames stay softer; the report states it'] : []),
    ...(byChance
      ? [`held out ${held.length} clips by chance: name the videos to hold out where people appear in several`]
      : []),
  ];
}

/** What becomes of the learning rate of a run that gets more steps than it was planned for. */
function lengthenedWarning(run: Run<GeneratorLogEntry>, { learningRate, steps }: Plan): string[] {
  const last = run.lengthened.at(-1);
  if (!last) return [];
  const { plannedSteps, atStep } = last;
  const rateIn = (total: number) => rateAt(learningRate, Math.min(atStep, total - 1), total).toExponential(1);
  return [
    `the run was planned for ${plannedSteps} steps and was lengthened to ${steps} at step ${atStep}: the learning rate goes from ${rateIn(plannedSteps)} to ${rateIn(steps)}; its result is not that of one run of ${steps} steps`,
  ];
}

/** Constant over the first half of a run, then falling to 0. */
const rateAt = (rate: number, step: number, steps: number) => rate * Math.min(1, 2 * (1 - step / steps));

/** The trainer with new discriminators. It takes the generator over. */
function buildTrainer(
  { weights, clipNorm, chunk, expert, perceptual, discriminatorWidth }: TrainGeneratorOptions,
  { stage, seed, learningRate }: Plan,
  generator: DinetGenerator,
  mouths: ExpertMouths | undefined,
): DinetTrainer {
  const width = discriminatorWidth ?? generator.config.width;
  const discriminator = (frameCount: number, number: number) =>
    new DinetDiscriminator({ frameCount, width, seed: seed + number });
  return new DinetTrainer({
    generator,
    frameDiscriminator: discriminator(1, 1),
    clipDiscriminator: stage === 'clip' ? discriminator(CLIP_FRAMES, 2) : undefined,
    ...{ learningRate, weights, clipNorm, chunk },
    ...(perceptual === 'none' ? {} : { perceptual: dinetPerceptual(perceptual) }),
    ...(expert && mouths ? { sync: { expert, mouthInput: mouths } } : {}),
  });
}

function validationFor(
  { expert, validationRows = 16 }: TrainGeneratorOptions,
  { store, row }: Plan,
  parts: { config: DinetConfig; images: ImageProcessor; mouths?: ExpertMouths; split: TrainingSplit },
): GeneratorValidation {
  const { held, train } = parts.split;
  return new GeneratorValidation(store, {
    ...sizesFor(parts.config, Math.max(row, CLIP_FRAMES)),
    on: held.length > 0 ? 'held-out' : 'training',
    clips: spread(held.length > 0 ? held : train, VALIDATION_CLIPS),
    ...{ images: parts.images, rows: validationRows, expert, mouths: parts.mouths },
  });
}

async function saveWeights(path: string, generator: DinetGenerator, { mouth, stage, steps }: Plan): Promise<void> {
  const metadata = { mouth: `${mouth}`, stage, steps: `${steps}`, ...dinetMetadata(generator) };
  await writeFileAtomic(path, encodeSafetensors(await generator.stateDict(), metadata));
}

function expertFacts(expert: SyncExpert | undefined): Pick<TrainGeneratorReport, 'expert'> {
  if (!expert) return {};
  const { name, weightsHash } = expert;
  return { expert: { name, ...(weightsHash ? { weightsHash } : {}) } };
}

type GeneratorStepsOptions = {
  plan: Plan;
  trainer: DinetTrainer;
  generator: DinetGenerator;
  images: ImageProcessor;
  loader: DinetLoader;
  validation: GeneratorValidation;
  expert?: SyncExpert;
};

/** The steps of a generator's run. */
class GeneratorSteps implements RunTask<GeneratorLogEntry, GeneratorCheck> {
  readonly #options: GeneratorStepsOptions;
  readonly #batches: ReturnType<DinetLoader[typeof Symbol.asyncIterator]>;

  constructor(options: GeneratorStepsOptions) {
    this.#options = options;
    this.#batches = options.loader[Symbol.asyncIterator]();
  }

  async step(step: number): Promise<GeneratorLogEntry> {
    const { plan, trainer, images, expert } = this.#options;
    const { value: batch } = await this.#batches.next();
    const learningRate = rateAt(plan.learningRate, step, plan.steps);
    const started = performance.now();
    const trained = trainBatchOf(batch, { images, row: plan.row, expert });
    try {
      const figures = await trainer.step(trained, { learningRate });
      const seconds = (performance.now() - started) / 1000;
      return { step: step + 1, ...figures, learningRate, framesPerSec: (plan.batch * plan.row) / seconds };
    } finally {
      trained.masked.dispose();
      disposeDinetBatch(batch);
    }
  }

  state() {
    return this.#options.trainer.state();
  }

  async validate(entry: GeneratorLogEntry): Promise<GeneratorCheck> {
    const { validation, generator } = this.#options;
    entry.validation = await validation.check(generator);
    return entry.validation;
  }

  dispose(): void {
    void this.#batches.return(undefined);
    this.#options.validation.dispose();
  }
}
