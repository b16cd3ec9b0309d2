import { binned } from '../run/line-chart';
import type { FinishedRun } from './run-study';
import type { Study, StudyExperiment, StudyMeasure } from './study-plan';

/** A figure over the seeds of an arm. */
export type Spread = {
  mean: number;
  least: number;
  most: number;
  /** In the order of the seeds. */
  values: number[];
};

/** What the runs of an arm came to, over its seeds. */
export type ArmResult = {
  name: string;
  /** What the source says of this arm. */
  source?: string;
  /** Seeds whose runs have ended. */
  seeds: number[];
  /** Of held-out clips, single windows; undefined before a run has ended. */
  auc?: Spread;
  accuracy?: Spread;
  /** Training loss, mean of the last twentieth of the steps. */
  loss?: Spread;
  /** AUC on the study's judges, by name. */
  judged: Record<string, Spread>;
  /** Training loss over steps, a line a seed. */
  lossCurves: [step: number, loss: number][][];
  /** AUC of held-out clips over steps, a line a seed. */
  aucCurves: [step: number, auc: number][][];
  parameters?: number;
  /** Of all seeds together. */
  wallSec: number;
  cpuSec: number;
};

/**
 * What an experiment shows of what was expected. `agrees`: the arm that was expected to be best is better than the one
 * expected to be worst with every pair of seeds; `disagrees`: worse with every pair; `not decidable`: seeds differ more
 * than the arms, or there are fewer than two; `open`: nothing was expected, or runs are missing.
 */
export type Finding = 'agrees' | 'disagrees' | 'not decidable' | 'open';

/** An experiment's arms, and what they show. */
export type ExperimentResult = Pick<StudyExperiment, 'name' | 'question' | 'source'> & {
  measure: StudyMeasure;
  arms: ArmResult[];
  finding: Finding;
  /** The finding in words, with figures. */
  sentence: string;
};

/** The results of a study, plain data. */
export type StudyResults = {
  name: string;
  experiments: ExperimentResult[];
  /** Runs that have ended, of all. */
  runs: { ended: number; all: number };
  wallSec: number;
  cpuSec: number;
};

/**
 * Compares the arms of each experiment over their seeds.
 *
 * @param runs those that have ended; see `finishedRuns`.
 * @param all how many runs the study has.
 * @example
 * const { experiments } = studyResults(study, await finishedRuns(study, 'study'), (await studyRuns(study)).length);
 * console.log(experiments[0].sentence);
 */
export function studyResults(study: Study, runs: readonly FinishedRun[], all: number): StudyResults {
  const sum = (of: (run: FinishedRun) => number) => runs.reduce((total, run) => total + of(run), 0);
  return {
    name: study.name,
    experiments: study.experiments.map((experiment) => experimentResult(experiment, study, runs)),
    runs: { ended: runs.length, all },
    wallSec: sum(({ cost }) => cost.wallSec),
    cpuSec: sum(({ cost }) => cost.cpuSec),
  };
}

function experimentResult(experiment: StudyExperiment, study: Study, runs: readonly FinishedRun[]): ExperimentResult {
  const { name, question, source, measure = 'auc' } = experiment;
  const arms = experiment.arms.map((arm): ArmResult => {
    const own = runs.filter(({ of }) => of.some((one) => one.experiment === name && one.arm === arm.name));
    return armResult(arm, study, own);
  });
  const found = findingOf(experiment, arms, measure);
  return { name, question, ...(source === undefined ? {} : { source }), measure, arms, ...found };
}

function armResult(arm: StudyExperiment['arms'][number], study: Study, runs: readonly FinishedRun[]): ArmResult {
  const { name, source } = arm;
  const spread = (of: (run: FinishedRun) => number) => (runs.length > 0 ? spreadOf(runs.map(of)) : undefined);
  const [auc, accuracy, loss] = [
    spread(({ report }) => report.validation.auc),
    spread(({ report }) => report.validation.accuracy.balanced),
    spread(lastLoss),
  ];
  const judges = Object.keys(study.judges ?? {}).filter((judge) => runs.every(({ judged }) => judged[judge]));
  return {
    name,
    ...(source === undefined ? {} : { source }),
    seeds: runs.map(({ seed }) => seed),
    ...(auc && { auc }),
    ...(accuracy && { accuracy }),
    ...(loss && { loss }),
    judged: runs.length === 0 ? {} : Object.fromEntries(judges.map((judge) => [judge, aucOn(runs, judge)])),
    lossCurves: runs.map(({ log }) => binned(log, (entry) => entry.loss)),
    aucCurves: runs.map(aucCurve),
    ...(runs.length > 0 ? { parameters: runs[0].report.parameters } : {}),
    wallSec: runs.reduce((total, { cost }) => total + cost.wallSec, 0),
    cpuSec: runs.reduce((total, { cost }) => total + cost.cpuSec, 0),
  };
}

/** The AUC of the way, and that of the saved weights at the end. */
function aucCurve({ log, report }: FinishedRun): [number, number][] {
  const last = log.at(-1)?.step ?? 0;
  const way = log.flatMap(({ step, validationAuc }): [number, number][] =>
    validationAuc === undefined || step === last ? [] : [[step, validationAuc]],
  );
  return [...way, [last, report.validation.auc]];
}

const aucOn = (runs: readonly FinishedRun[], judge: string) => spreadOf(runs.map(({ judged }) => judged[judge].auc));

function lastLoss({ log }: FinishedRun): number {
  const last = log.slice(-Math.ceil(log.length / 20));
  return last.reduce((total, { loss }) => total + loss, 0) / last.length;
}

function spreadOf(values: number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, least: Math.min(...values), most: Math.max(...values), values };
}

const NAMES: Readonly<Record<StudyMeasure, string>> = {
  auc: 'AUC',
  accuracy: 'balanced accuracy',
  loss: 'training loss',
};

function findingOf(
  { expected = [] }: StudyExperiment,
  arms: readonly ArmResult[],
  measure: StudyMeasure,
): { finding: Finding; sentence: string } {
  const missing = arms.filter((arm) => arm[measure] === undefined).map(({ name }) => name);
  if (missing.length > 0) return { finding: 'open', sentence: `Not finished: ${missing.join(', ')}.` };
  const figure = (arm: ArmResult) => `${arm.name} ${textOf(arm[measure] as Spread)}`;
  const figures = `${NAMES[measure]} ${arms.map(figure).join(', ')}`;
  if (expected.length < 2) return { finding: 'open', sentence: `${figures}; nothing was expected.` };
  const named = (name: string) => arms.find((arm) => arm.name === name)?.[measure] as Spread;
  const [worst, best] = [named(expected[0]), named(expected[expected.length - 1])];
  const seeds = Math.min(...arms.map((arm) => arm.seeds.length));
  const finding = seeds < 2 ? 'not decidable' : orderOf(worst, best, measure);
  return { finding, sentence: sentenceOf({ finding, seeds, figures, expected }) };
}

/** Whether what was expected best is better, worse or neither, whichever seeds are compared. */
function orderOf(worst: Spread, best: Spread, measure: StudyMeasure): Finding {
  const [low, high] = measure === 'loss' ? [best, worst] : [worst, best];
  if (low.most < high.least) return 'agrees';
  return low.least > high.most ? 'disagrees' : 'not decidable';
}

type SentenceParts = { finding: Finding; seeds: number; figures: string; expected: readonly string[] };

function sentenceOf({ finding, seeds, figures, expected }: SentenceParts): string {
  const claim = `${expected[expected.length - 1]} better than ${expected[0]}`;
  const middle = {
    agrees: `Confirmed here, ${claim} with every pair of seeds`,
    disagrees: `Not confirmed: the source has ${claim}, here it is worse with every pair of seeds`,
    'not decidable':
      seeds < 2
        ? `Not decidable with one seed: the source has ${claim}`
        : `Not decidable: the source has ${claim}, here seeds differ more than these arms`,
    open: 'Open',
  }[finding];
  return `${middle}. ${figures} (${seeds} ${seeds === 1 ? 'seed' : 'seeds'}).`;
}

function textOf({ mean, least, most, values }: Spread): string {
  return values.length > 1 ? `${mean.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})` : mean.toFixed(3);
}
