import { LITE } from '@lipsync/avalignnet';
import { type ByteInput, encodeSafetensors, sha256Hex, writeFileAtomic } from '@lipsync/checkpoints';
import { type ClipStore, SyncLoader } from '@lipsync/dataloader';
import { cosineSchedule } from '@lipsync/nn';
import { startTrainer } from '../replicas/start-trainer';
import { type Lengthening, Run, type RunEvent, type RunTask } from '../run/run';
import { spread, type TrainingSplit, trainingSplit } from '../run/training-split';
import type { Trainer } from '../step/expert-trainer';
import { type ExpertEvaluation, evaluateExpert } from './evaluate-expert';
import { type ExpertLogEntry, expertCurve } from './expert-curve';
import { type InitialWeights, readInitialWeights } from './initial-weights';
import { buildNetwork, metadataOf, type TrainedNetwork } from './trained-network';
import { assertEnoughClips, planTraining, type TrainingPlan, type TrainingPlanOptions } from './training-plan';

export type TrainExpertOptions = TrainingPlanOptions & {
  /** Folder of the run: weights, settings, state, log, curve, report. A run found there resumes. */
  out: string;
  /**
   * Weights to start from, in place of drawn ones: path, URL, Blob or bytes of any file that `loadExpert` takes.
   * Network, configuration and recipe are the file's where they are not given. Optimiser and schedule begin anew.
   */
  init?: ByteInput;
  /** The dict to read from `init`, where it holds several. */
  initPrefix?: string;
  /** Threads that make batches beside the training; the batches do not depend on it. Default 1. */
  workers?: number;
  /** Steps between two checkpoints. Default 50. */
  checkpointEvery?: number;
  /** Steps between two validations on at most 60 held-out clips; 0 for none before the end. Default 250. */
  validateEvery?: number;
};

/** What a finished run reports; also written to `report.json`. */
export type TrainExpertReport = {
  steps: number;
  samples: number;
  parameters: number;
  trainingClips: number;
  heldOutClips: number;
  /** Of the saved weights, on all held-out clips. */
  validation: ExpertEvaluation;
  /** Path of the weights. */
  weights: string;
  weightsHash: string;
  /** Path of the curve. */
  curve: string;
  /** Share of the time since this start during which training waited for data, 0..1. */
  waitShare: number;
  /** Where the run was lengthened: its result is not that of one run of so many steps. Missing where it never was. */
  lengthened?: readonly Lengthening[];
};

/** What `trainExpert` yields: the start, every step, validations, warnings, and the report at the end. */
export type TrainExpertEvent = RunEvent<
  {
    /** Steps that an earlier start took. */
    resumedAt: number;
    steps: number;
    /** SHA-256 of the weights that the run starts from, where it does not draw them. */
    init?: string;
    /** Clips that are trained on. */
    clips: number;
    heldOut: string[];
    /** Clips too short for the sampling. */
    leftOut: string[];
    /** Windows or pairs a step. */
    batch: number;
    parameters: number;
    replicas: number;
  },
  ExpertLogEntry,
  ExpertEvaluation,
  TrainExpertReport
>;

const WARM_UP = 150;
const VALIDATION_CLIPS = 60; // between steps; the end takes all
const CHANCE = Math.log(2);
const PLATEAU_STEPS = 200;

/**
 * Trains a sync network, AVAlignNet or a published one, on prepared clips. Writes into `out`: `weights.safetensors`
 * (with configuration and recipe), `settings.json`, `state.safetensors` (the last checkpoint), `log.jsonl`, `curve.svg`
 * and `report.json`.
 *
 * Runs as far as it is iterated. Batch, rate and loss of a step depend on the seed and the step number alone, and
 * checkpoints keep all bits: a run that was killed and started again ends in the same weights.
 *
 * @throws Error if `out` holds a run with other settings, or a loss is not finite: the message names the last good
 *   checkpoint. TypeError where store, network and preset do not fit each other.
 * @example
 * import { ClipStore } from '@lipsync/dataloader';
 * import { trainExpert } from '@lipsync/train';
 * for await (const event of trainExpert({ store: await ClipStore.open('clips'), out: 'run', steps: 1000 })) {
 *   if (event.kind === 'step') console.log(event.entry.step, event.entry.loss);
 *   if (event.kind === 'done') console.log(event.report.weights, event.report.validation.auc);
 * }
 */
export async function* trainExpert(options: TrainExpertOptions): AsyncGenerator<TrainExpertEvent> {
  const initial = await readInit(options);
  const plan = planTraining({ ...options, ...initial?.choice });
  const { store, out, seed = 0, workers = 1, chunk, replicas = 1 } = options;
  const { choice, sampling, batch, learningRate, steps } = plan;
  const split = await trainingSplit(store, { heldOut: options.heldOut, seed });
  const { degradation = null } = options.data ?? {};
  const loaderOptions = { sampling, augment: plan.augment, degradation, clips: split.train, seed, workers };
  const loader = new SyncLoader(store, plan.recipe, loaderOptions);
  let network: TrainedNetwork | undefined;
  let trainer: Trainer | undefined;
  let expertSteps: ExpertSteps | undefined;
  try {
    const { clips, leftOut } = await loader.summary();
    assertEnoughClips(sampling, { clips, leftOut });
    network = buildNetwork(choice, seed);
    const run = await Run.open<ExpertLogEntry>(out, {
      where: 'trainExpert',
      steps,
      seed,
      settings: { ...settingsOf(options, plan, split, network), ...(initial ? { init: initial.sha256 } : {}) },
      checkpointEvery: options.checkpointEvery ?? 50,
      validateEvery: options.validateEvery ?? 250,
    });
    const initialWeights = run.found ? undefined : initial?.state;
    const setup = { choice, preset: plan.presetName, seed, initialWeights, learningRate, chunk };
    const started = await startTrainer(setup, { rows: batch, replicas, network });
    trainer = started;
    if (run.found) await started.load(run.found);
    const parameters = network.parameterCount();
    const facts = { steps, clips, heldOut: split.held, leftOut, batch, parameters, replicas };
    yield { kind: 'start', resumedAt: run.step, ...facts, ...(initial ? { init: initial.sha256 } : {}) };
    for (const text of [...warningsOf(options, split, network), ...lengthenedWarning(run, plan)])
      yield { kind: 'warning', text };

    const batches = loader.plainFrom(run.step);
    expertSteps = new ExpertSteps({ plan, trainer: started, network, store, held: split.held, batches });
    yield* run.train(expertSteps);
    await expertSteps.end();

    const weights = encodeSafetensors(await started.weights(), metadataOf(network));
    await writeFileAtomic(run.paths.weights, weights);
    const validation = await expertSteps.evaluate(Number.POSITIVE_INFINITY);
    const last = run.log.entries.at(-1);
    if (last) last.validationAuc = validation.auc;
    const title = `${network.name}, ${plan.presetName}, ${steps} steps of ${batch} windows, ${clips} clips`;
    const report = await run.finish<TrainExpertReport>({
      curve: (log) => expertCurve(log, title),
      report: {
        ...{ steps, samples: steps * batch, parameters, trainingClips: clips, heldOutClips: split.held.length },
        ...{ validation, weights: run.paths.weights, weightsHash: await sha256Hex(weights), curve: run.paths.curve },
        waitShare: expertSteps.waitShare,
        ...(run.lengthened.length > 0 ? { lengthened: run.lengthened } : {}),
      },
    });
    yield { kind: 'done', report };
  } finally {
    await expertSteps?.end();
    loader.dispose();
    await trainer?.dispose();
    network?.dispose();
  }
}

async function readInit({ init, initPrefix, ...options }: TrainExpertOptions): Promise<InitialWeights | undefined> {
  if (init === undefined) return undefined;
  const { network, config, width, recipe } = options;
  return readInitialWeights('trainExpert', init, { network, config, width, recipe, prefix: initPrefix });
}

/** What becomes of the schedule of a run that gets more steps than it was planned for. */
function lengthenedWarning(run: Run<ExpertLogEntry>, { preset, learningRate, steps }: TrainingPlan): string[] {
  const last = run.lengthened.at(-1);
  if (!last || (preset.schedule === 'constant' && preset.loss !== 'contrast')) return [];
  const { plannedSteps, atStep } = last;
  const rateIn = (total: number) => warmUpAndCosine(learningRate, total)(Math.min(atStep, total - 1)).toExponential(1);
  const schedule =
    preset.schedule === 'cosine' ? `the learning rate goes from ${rateIn(plannedSteps)} to ${rateIn(steps)}` : '';
  const blend = preset.loss === 'contrast' ? 'cross-entropy is blended in anew from 40 to 70 % of the run' : '';
  return [
    `the run was planned for ${plannedSteps} steps and was lengthened to ${steps} at step ${atStep}: ` +
      `${[schedule, blend].filter(Boolean).join(', ')}; its result is not that of one run of ${steps} steps`,
  ];
}

/**
 * Whether the division into chunks or replicas changes more than rounding: batch statistics are then of fewer windows.
 */
function divisionCounts({ chunk, replicas = 1 }: TrainExpertOptions, network: TrainedNetwork): boolean {
  return (chunk !== undefined || replicas > 1) && network.namedBuffers().size > 0;
}

function settingsOf(
  options: TrainExpertOptions,
  { choice, recipe, presetName, sampling, learningRate, steps }: TrainingPlan,
  { train, held }: TrainingSplit,
  trained: TrainedNetwork,
): Record<string, unknown> {
  const { network, config = LITE, width = 1 } = choice;
  const { seed = 0, chunk, replicas = 1 } = options;
  return {
    ...{ steps, preset: presetName },
    ...(network === 'avalignnet' ? { config } : { network, width }),
    ...{ recipe, learningRate, seed, sampling, train, held },
    ...(options.data ? { data: options.data } : {}),
    // Where the division changes nothing but rounding, a run may resume with another.
    ...(divisionCounts(options, trained) ? { chunk, replicas } : {}),
  };
}

function warningsOf(options: TrainExpertOptions, split: TrainingSplit, network: TrainedNetwork): string[] {
  const { train, held, byChance } = split;
  return [
    ...(divisionCounts(options, network)
      ? [
          `${network.name} normalises by the statistics of the windows that are in the network together: with chunks or replicas these are fewer, so losses differ from those of an undivided batch`,
        ]
      : []),
    ...(byChance
      ? [
          `held out ${held.length} of ${held.length + train.length} clips by chance: where people appear in several videos, the validation is optimistic; name the videos to hold out`,
        ]
      : []),
  ];
}

type ExpertStepsOptions = {
  plan: TrainingPlan;
  trainer: Trainer;
  /** Takes over the trainer's weights for each validation; borrowed. */
  network: TrainedNetwork;
  store: ClipStore;
  held: readonly string[];
  batches: ReturnType<SyncLoader['plainFrom']>;
};

/** The steps of an expert's run. */
class ExpertSteps implements RunTask<ExpertLogEntry, ExpertEvaluation> {
  readonly validate?: (entry: ExpertLogEntry) => Promise<ExpertEvaluation>;
  readonly #options: ExpertStepsOptions;
  readonly #rateAt: (step: number) => number;
  #flatSteps = 0;
  #waited = 0;
  #worked = 0;

  constructor(options: ExpertStepsOptions) {
    this.#options = options;
    const { preset, learningRate, steps } = options.plan;
    this.#rateAt = preset.schedule === 'cosine' ? warmUpAndCosine(learningRate, steps) : () => learningRate;
    if (options.held.length > 0) {
      this.validate = async (entry) => {
        const validation = await this.evaluate(VALIDATION_CLIPS);
        entry.validationAuc = validation.auc;
        return validation;
      };
    }
  }

  async step(step: number): Promise<ExpertLogEntry> {
    const { trainer, batches, plan } = this.#options;
    const started = performance.now();
    const { value: batch } = await batches.next();
    const pulled = performance.now();
    const learningRate = this.#rateAt(step);
    const { loss, positiveCosine, negativeCosine } = await trainer.step(batch, {
      learningRate,
      progress: step / plan.steps,
    });
    const ended = performance.now();
    // The first batch waits for the loader's threads to start.
    if (this.#worked > 0) this.#waited += pulled - started;
    this.#worked += ended - started;
    return {
      ...{ step: step + 1, loss, positiveCosine, negativeCosine, learningRate },
      samplesPerSec: plan.batch / ((ended - started) / 1000),
      waitShare: (pulled - started) / (ended - started),
    };
  }

  state() {
    return this.#options.trainer.state();
  }

  warning({ loss }: ExpertLogEntry): string | undefined {
    if (this.#options.plan.preset.loss !== 'cosine') return undefined;
    this.#flatSteps = Math.abs(loss - CHANCE) < 0.005 ? this.#flatSteps + 1 : 0;
    return this.#flatSteps === PLATEAU_STEPS
      ? `the loss has been at ln 2 = 0.693 for ${PLATEAU_STEPS} steps, which is chance; try the contrast preset`
      : undefined;
  }

  /** The trainer's weights on at most so many held-out clips. */
  async evaluate(clips: number): Promise<ExpertEvaluation> {
    const { trainer, network, store, held } = this.#options;
    network.loadStateDict(await trainer.weights());
    return evaluateExpert(network, store, { clips: spread(held, clips), maxOffset: 0 });
  }

  /** Share of the time during which the steps waited for data, 0..1. */
  get waitShare(): number {
    return this.#worked > 0 ? this.#waited / this.#worked : 0;
  }

  /** Stops the making of batches. */
  async end(): Promise<void> {
    await this.#options.batches.return(undefined);
  }
}

function warmUpAndCosine(base: number, steps: number): (step: number) => number {
  const warmupSteps = Math.min(WARM_UP, Math.floor(steps / 4));
  return cosineSchedule({ base, warmupSteps, totalSteps: steps, floor: 0.02 * base });
}
