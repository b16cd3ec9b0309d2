import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { settingsDiffer } from './settings-differ';
import { TrainingLog } from './training-log';
import { loadTrainingState, saveTrainingState, type TrainingState } from './training-state';

export type RunOptions = {
  /** The function that the run belongs to, for error messages. */
  where: string;
  /** Optimiser steps in all. */
  steps: number;
  /** Seed of the run's random draws; kept in its state. */
  seed: number;
  /**
   * Everything that the result depends on. A run found in the folder must have had the same, but for `steps`: of those
   * it may have had fewer.
   */
  settings: Record<string, unknown>;
  /** Steps between two checkpoints. */
  checkpointEvery: number;
  /** Steps between two validations; 0 for none before the end. */
  validateEvery: number;
};

/** The files of a run, in its folder. */
export type RunPaths = {
  /** What the run was started with, as JSON. */
  settings: string;
  /** The last checkpoint: everything that resuming needs. */
  state: string;
  /** One JSON object a step. */
  log: string;
  /** The trained network. */
  weights: string;
  /** Losses and validations over steps, as SVG. */
  curve: string;
  /** The end of the run, as JSON. */
  report: string;
};

/** A run that was continued beyond the steps that it was planned for. */
export type Lengthening = {
  /** Steps that were planned. */
  plannedSteps: number;
  /** Steps that had been taken when it was lengthened. */
  atStep: number;
};

/** The part of a run that differs between an expert and a generator. */
export type RunTask<Entry extends { step: number }, Validation> = {
  /** Takes one step and returns its line of the log. @param step steps taken before, from 0. */
  step(step: number): Promise<Entry>;
  /** What a checkpoint holds. */
  state(): Promise<Pick<TrainingState, 'model' | 'optimizer' | 'ema'>>;
  /**
   * Measures the network between steps, and notes in the log entry what the curve shows. Left out where nothing is held
   * out.
   */
  validate?(entry: Entry): Promise<Validation>;
  /** Text of a warning after a step, where there is one. */
  warning?(entry: Entry): string | undefined;
};

/** What both kinds of training report while they run; `start` and `done` add their own fields. */
export type RunEvent<Start, Entry, Validation, Report> =
  | ({ kind: 'start' } & Start)
  | RunStepEvent<Entry, Validation>
  | { kind: 'done'; report: Report };

/** The events of the steps themselves. */
export type RunStepEvent<Entry, Validation> =
  | { kind: 'step'; entry: Entry }
  | { kind: 'validation'; step: number; validation: Validation }
  | { kind: 'warning'; text: string };

/**
 * A training run in a folder: settings, state, log, curve, weights and report.
 *
 * A run that was killed, or is to be longer, resumes from its last checkpoint: `open` reads it, checks that the
 * settings are the same but for a larger number of steps, and drops log lines of later steps. Where every step is a
 * function of seed and step number alone, the resumed run ends in the same bytes.
 *
 * @example
 * const every = { checkpointEvery: 10, validateEvery: 0 };
 * const run = await Run.open('run', { where: 'train', steps: 100, seed: 0, settings: { rate: 1e-3 }, ...every });
 * if (run.found) await trainer.load(run.found);
 * for await (const event of run.train(task)) console.log(event.kind);
 * await run.finish({ report: { steps: 100 } });
 */
export class Run<Entry extends { step: number }> {
  readonly paths: RunPaths;
  readonly log: TrainingLog<Entry>;
  /** The checkpoint that the run resumes from; undefined for a new run. */
  readonly found?: TrainingState;
  /** Where the run was lengthened, in this start and in earlier ones. */
  readonly lengthened: readonly Lengthening[];
  readonly #options: RunOptions;
  readonly #settings: string;
  #step: number;
  #savedStep?: number;

  private constructor(
    paths: RunPaths,
    options: RunOptions,
    { log, found, lengthened }: { log: TrainingLog<Entry>; found?: TrainingState; lengthened: Lengthening[] },
  ) {
    this.paths = paths;
    this.log = log;
    this.found = found;
    this.lengthened = lengthened;
    this.#options = options;
    this.#settings = JSON.stringify(options.settings);
    this.#step = found?.step ?? 0;
    this.#savedStep = found?.step;
  }

  /**
   * Opens a folder, which is made where it does not exist.
   *
   * @throws RangeError for counts that are no whole numbers; Error if the folder holds a run with other settings, or
   *   one of more steps: the message names each difference.
   */
  static async open<Entry extends { step: number }>(folder: string, options: RunOptions): Promise<Run<Entry>> {
    const { where, steps, checkpointEvery, validateEvery, settings } = options;
    assertCounts(where, { steps, checkpointEvery });
    if (!(Number.isInteger(validateEvery) && validateEvery >= 0))
      fail(RangeError, where, 'validateEvery', 'a whole number from 0', validateEvery);
    await mkdir(folder, { recursive: true });
    const file = (name: string) => join(folder, name);
    const paths: RunPaths = {
      settings: file('settings.json'),
      state: file('state.safetensors'),
      log: file('log.jsonl'),
      weights: file('weights.safetensors'),
      curve: file('curve.svg'),
      report: file('report.json'),
    };
    const found = (await exists(paths.state)) ? await loadTrainingState(paths.state) : undefined;
    const lengthened: Lengthening[] = [];
    if (found) {
      const extra = found.extra as { settings: string; lengthened?: Lengthening[] };
      const before = JSON.parse(extra.settings) as Record<string, unknown>;
      const now = JSON.parse(JSON.stringify(settings)) as Record<string, unknown>;
      const longer = Number(now.steps) > Number(before.steps);
      const differences = settingsDiffer(longer ? { ...before, steps: now.steps } : before, now);
      if (differences) fail(Error, where, 'out', 'a new folder or one of the same run', `${folder} (${differences})`);
      lengthened.push(...(extra.lengthened ?? []));
      if (longer) lengthened.push({ plannedSteps: Number(before.steps), atStep: found.step });
    }
    if (!found || lengthened.length > 0)
      await writeFileAtomic(paths.settings, `${JSON.stringify(settings, null, 2)}\n`);
    const log = await TrainingLog.resumeAt<Entry>(paths.log, found?.step ?? 0);
    return new Run(paths, options, { log, found, lengthened });
  }

  /** Steps taken so far. */
  get step(): number {
    return this.#step;
  }

  /**
   * Takes the steps that are left: one `step` event each, after its line of the log and its checkpoint are written;
   * validations and warnings between.
   *
   * Runs as far as it is iterated.
   *
   * @throws Error if a loss is not finite; the message names the last good checkpoint, which stays.
   */
  async *train<Validation>(task: RunTask<Entry, Validation>): AsyncGenerator<RunStepEvent<Entry, Validation>> {
    const { steps, checkpointEvery, validateEvery } = this.#options;
    while (this.#step < steps) {
      const entry = await this.#take(task);
      const step = ++this.#step;
      if (task.validate && validateEvery > 0 && step % validateEvery === 0 && step < steps)
        yield { kind: 'validation', step, validation: await task.validate(entry) };
      await this.log.add(entry);
      if (step % checkpointEvery === 0 || step === steps) await this.#checkpoint(task);
      const text = task.warning?.(entry);
      if (text !== undefined) yield { kind: 'warning', text };
      yield { kind: 'step', entry };
    }
  }

  /** Writes the end of the run: the curve where any step was logged, and the report, which is returned. */
  async finish<Report>({ curve, report }: { curve?: (log: Entry[]) => string; report: Report }): Promise<Report> {
    if (curve && this.log.entries.length > 0) await writeFileAtomic(this.paths.curve, curve(this.log.entries));
    await writeFileAtomic(this.paths.report, `${JSON.stringify(report, null, 2)}\n`);
    return report;
  }

  async #take(task: RunTask<Entry, unknown>): Promise<Entry> {
    try {
      return await task.step(this.#step);
    } catch (error) {
      // By name: a replica's error comes from another thread.
      if (!(error instanceof Error && error.name === 'NonFiniteLoss')) throw error;
      const kept =
        this.#savedStep === undefined
          ? 'no checkpoint was written yet'
          : `the last good checkpoint, of step ${this.#savedStep}, is ${this.paths.state}`;
      throw new Error(`${this.#options.where}: step ${this.#step + 1}: ${error.message}; ${kept}`, { cause: error });
    }
  }

  async #checkpoint(task: RunTask<Entry, unknown>): Promise<void> {
    const { seed } = this.#options;
    const step = this.#step;
    const { lengthened } = this;
    const extra = { settings: this.#settings, ...(lengthened.length > 0 ? { lengthened: [...lengthened] } : {}) };
    await saveTrainingState(this.paths.state, { ...(await task.state()), step, seed, dataPosition: { step }, extra });
    this.#savedStep = step;
  }
}

/** Refuses counts that are no whole numbers above 0; undefined ones are left out. */
export function assertCounts(where: string, counts: Record<string, number | undefined>): void {
  for (const [name, value] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0))
      fail(RangeError, where, name, 'a whole number above 0', value);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
