import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AVAlignNet,
  ContrastiveTemperature,
  LITE,
  contrastLoss,
  pairLoss,
  rampedWeight,
  trainStep,
  trainedParameters,
  weightsMetadata,
  type AVAlignNetConfig,
  type SyncLoss,
} from '@lipsync/avalignnet';
import { fail, type SyncRecipe } from '@lipsync/contracts';
import {
  CONTRAST,
  SyncLoader,
  THESIS_PAIRS,
  disposeBatch,
  parseClipId,
  splitByList,
  type ClipStore,
  type SyncLoaderOptions,
} from '@lipsync/dataloader';
import {
  AdamW,
  ExponentialMovingAverage,
  Random,
  cosineSchedule,
  encodeSafetensors,
  loadTrainingState,
  saveTrainingState,
  sha256Hex,
  writeFileAtomic,
  type NamedArray,
} from '@lipsync/nn';
import { evaluateExpert, type ExpertEvaluation } from './evaluate-expert';
import { TrainingLog } from './training-log';
import { trainingCurve, type TrainingLogEntry } from './training-curve';

/** What is learned from: `contrast` is our default, `thesis` the plain recipe of the thesis. */
export type TrainPreset = 'contrast' | 'thesis';

export type TrainExpertOptions = {
  /** Prepared clips. */
  store: ClipStore;
  /** Folder of the run: weights, state, log, curve, report. A run found there goes on. */
  out: string;
  /** Optimiser steps in all. Default 1000. */
  steps?: number;
  /**
   * `contrast`: windows of the same clip against each other (InfoNCE), binary cross-entropy on the cosine blended in from 40 % to 70 % of the
   * run; augmentation, warm-up and cosine schedule, averaged weights. `thesis`: binary cross-entropy on independent labelled
   * pairs, constant rate 1e-5, nothing varied; on a few hours of video its loss stays at 0.693. Default `contrast`.
   */
  preset?: TrainPreset;
  /** The network. Default `LITE`. */
  config?: AVAlignNetConfig;
  /** Input of the network. Default: similarity crops of side 1.18, THESIS_MEL, sizes as in `config`. */
  recipe?: SyncRecipe;
  /**
   * Names of the videos, without folder and extension, to hold for validation. Default: every tenth or so, drawn by the seed; as nobody says
   * who speaks in them, that flatters where people appear in several videos.
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
    }
  | { kind: 'step'; entry: TrainingLogEntry }
  | { kind: 'validation'; step: number; validation: ExpertEvaluation }
  | { kind: 'warning'; text: string }
  | { kind: 'done'; report: TrainReport };

const WARM_UP = 150;
const VALIDATION_CLIPS = 60; // on the way; the end takes all
const CHANCE = Math.log(2);
const PLATEAU_STEPS = 200;

/** The recipe of a network that looks at a similarity crop, as `LITE` does. */
export function recipeOf(config: AVAlignNetConfig): SyncRecipe {
  const { frames, height, width, melSteps } = config.input;
  if (height !== width) fail(RangeError, 'recipeOf', 'config.input', 'square', `${height} x ${width}`);
  return {
    frames,
    fps: 25,
    crop: {
      kind: 'similarity',
      centre: 'mean 48-67',
      upright: 'eye centres',
      side: '1.18 * max(eye distance, 0.95 * eye-to-mouth)',
      size: height,
      window: 'clip median',
    },
    color: 'RGB',
    range: [-1, 1],
    mel: 'THESIS_MEL',
    melSteps,
  };
}

/**
 * Trains AVAlignNet on prepared clips and writes, into `out`: `weights.safetensors` (averaged weights with configuration and
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
    preset = 'contrast',
    config = LITE,
    seed = 0,
    checkpointEvery = 50,
    validateEvery = 250,
  } = options;
  const recipe = options.recipe ?? recipeOf(config);
  const learningRate = options.learningRate ?? (preset === 'contrast' ? 1.5e-3 : 1e-5);
  for (const [name, value] of Object.entries({ steps, checkpointEvery })) {
    if (!(Number.isInteger(value) && value > 0)) fail(RangeError, 'trainExpert', name, 'a whole number above 0', value);
  }
  await mkdir(out, { recursive: true });
  const paths = {
    state: join(out, 'state.safetensors'),
    weights: join(out, 'weights.safetensors'),
    curve: join(out, 'curve.svg'),
  };

  const ids = await store.list();
  const droppedSources = (await store.dropped()).map((drop) => drop.source);
  const { rest: train, held } = options.heldOut
    ? splitByList(ids, options.heldOut, { droppedSources })
    : splitBySeed(ids, seed);
  const loaderOptions = loaderFor(preset, options);
  const loader = new SyncLoader(store, recipe, { ...loaderOptions, clips: train, seed });
  const batchSize =
    loaderOptions.sampling.kind === 'pairs'
      ? loaderOptions.sampling.pairs
      : loaderOptions.sampling.clips * loaderOptions.sampling.windows;
  const settings = JSON.stringify({
    steps,
    preset,
    config,
    recipe,
    learningRate,
    seed,
    sampling: loaderOptions.sampling,
    train,
    held,
  });

  const net = new AVAlignNet(config, { seed, recipe });
  const head = preset === 'contrast' ? new ContrastiveTemperature() : undefined;
  const optimizer = new AdamW(trainedParameters(net, head), { learningRate, decayOneDimensional: preset === 'thesis' });
  const ema = new ExponentialMovingAverage(net, { decay: 0.998 });
  const scorer = new AVAlignNet(config, { seed, recipe });
  try {
    const { clips, leftOut } = await loader.summary();
    const found = await exists(paths.state);
    let step = 0;
    if (found) {
      const state = await loadTrainingState(paths.state);
      const before = (state.extra as { settings: string }).settings;
      if (before !== settings)
        throw new Error(
          `trainExpert: out must be a new folder or one of the same run, got ${out} (${settingsDiffer(before, settings)})`,
        );
      step = state.step;
      const { network, temperature } = divide(state.model, head !== undefined);
      net.loadStateDict(network);
      head?.loadStateDict(temperature);
      optimizer.loadState(state.optimizer);
      ema.loadStateDict(state.ema as Map<string, NamedArray>);
    }
    const log = await TrainingLog.resumeAt(join(out, 'log.jsonl'), step);
    yield {
      kind: 'start',
      resumedAt: step,
      steps,
      clips,
      heldOut: held,
      leftOut,
      batch: batchSize,
      parameters: net.parameterCount(),
    };
    if (!options.heldOut) {
      yield {
        kind: 'warning',
        text: `held out ${held.length} of ${ids.length} clips by chance: if people appear in several videos, validation flatters; name the videos to hold out`,
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
        model: new Map([...(await net.stateDict()), ...(head ? await head.stateDict() : [])]),
        optimizer: await optimizer.state(),
        ema: await ema.stateDict(),
        step,
        seed,
        dataPosition: { step },
        extra: { settings },
      });
    const validate = async (limit: number): Promise<ExpertEvaluation> => {
      scorer.loadStateDict(await ema.stateDict());
      return evaluateExpert(scorer, store, { clips: spread(held, limit) });
    };

    const batches = loader.from(step);
    let flat = 0;
    try {
      while (step < steps) {
        const started = performance.now();
        const { value: batch } = await batches.next();
        optimizer.learningRate = schedule(step);
        let result: Awaited<ReturnType<typeof trainStep>>;
        try {
          result = await trainStep({ net, head, optimizer, batch, loss: lossFor(preset, head, step / steps), ema });
        } finally {
          disposeBatch(batch);
        }
        step++;
        const entry: TrainingLogEntry = {
          step,
          loss: result.loss,
          positiveCosine: result.positiveCosine,
          negativeCosine: result.negativeCosine,
          learningRate: optimizer.learningRate,
          samplesPerSec: batchSize / ((performance.now() - started) / 1000),
        };
        if (held.length > 0 && validateEvery > 0 && step % validateEvery === 0 && step < steps) {
          const validation = await validate(VALIDATION_CLIPS);
          entry.validationAuc = validation.auc;
          yield { kind: 'validation', step, validation };
        }
        await log.add(entry);
        if (step % checkpointEvery === 0 || step === steps) await checkpoint();
        flat = preset === 'thesis' && Math.abs(result.loss - CHANCE) < 0.005 ? flat + 1 : 0;
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

    const bytes = encodeSafetensors(await ema.stateDict(), weightsMetadata(net));
    await writeFileAtomic(paths.weights, bytes);
    const validation = await validate(Number.POSITIVE_INFINITY);
    const last = log.entries[log.entries.length - 1];
    if (last) last.validationAuc = validation.auc;
    if (last)
      await writeFileAtomic(
        paths.curve,
        trainingCurve(log.entries, `AVAlignNet, ${preset}, ${steps} steps of ${batchSize} windows, ${clips} clips`),
      );
    const report: TrainReport = {
      steps,
      samples: steps * batchSize,
      parameters: net.parameterCount(),
      trainingClips: clips,
      heldOutClips: held.length,
      validation,
      weights: paths.weights,
      weightsHash: await sha256Hex(bytes),
      curve: paths.curve,
    };
    await writeFileAtomic(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
    yield { kind: 'done', report };
  } finally {
    loader.dispose();
    optimizer.dispose();
    ema.dispose();
    head?.dispose();
    net.dispose();
    scorer.dispose();
  }
}

function loaderFor(
  preset: TrainPreset,
  options: TrainExpertOptions,
): Required<Pick<SyncLoaderOptions, 'sampling' | 'augment'>> {
  if (preset === 'thesis') {
    const { pairsPerBatch = THESIS_PAIRS.sampling.pairs } = options;
    return { ...THESIS_PAIRS, sampling: { ...THESIS_PAIRS.sampling, pairs: pairsPerBatch } };
  }
  const { clipsPerBatch = CONTRAST.sampling.clips, windowsPerClip = CONTRAST.sampling.windows } = options;
  return { ...CONTRAST, sampling: { ...CONTRAST.sampling, clips: clipsPerBatch, windows: windowsPerClip } };
}

function lossFor(preset: TrainPreset, temperature: ContrastiveTemperature | undefined, progress: number): SyncLoss {
  return temperature && preset === 'contrast'
    ? contrastLoss({ temperature, crossEntropyWeight: rampedWeight(progress) })
    : pairLoss();
}

/** About a tenth of the clips (at least one), whole videos, drawn by the seed. */
function splitBySeed(ids: readonly string[], seed: number): { rest: string[]; held: string[] } {
  const video = (id: string) => parseClipId(id).source;
  const videos = new Random(seed, 0x5eed).shuffle([...new Set(ids.map(video))]);
  const heldVideos = new Set(videos.slice(0, Math.max(1, Math.round(videos.length / 10))));
  return { rest: ids.filter((id) => !heldVideos.has(video(id))), held: ids.filter((id) => heldVideos.has(video(id))) };
}

/** At most `limit` of them, evenly spread. */
function spread(ids: readonly string[], limit: number): string[] {
  const every = Math.max(1, Math.floor(ids.length / limit));
  return ids.filter((_, index) => index % every === 0).slice(0, limit);
}

function divide(model: Map<string, NamedArray>, withTemperature: boolean) {
  const network = new Map(model);
  const temperature = new Map<string, NamedArray>();
  if (withTemperature) {
    temperature.set('log_temperature', network.get('log_temperature') as NamedArray);
    network.delete('log_temperature');
  }
  return { network, temperature };
}

function settingsDiffer(before: string, now: string): string {
  const [a, b] = [JSON.parse(before), JSON.parse(now)] as Record<string, unknown>[];
  const keys = Object.keys(b).filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
  const show = (value: unknown) => (Array.isArray(value) ? `${value.length} clips` : JSON.stringify(value));
  return keys.map((key) => `${key} was ${show(a[key])}, is ${show(b[key])}`).join('; ');
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
