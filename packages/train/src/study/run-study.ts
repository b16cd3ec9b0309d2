import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import type { ClipStore } from '@lipsync/dataloader';
import { type ExpertEvaluation, evaluateExpert } from '../expert/evaluate-expert';
import type { ExpertLogEntry } from '../expert/expert-curve';
import {
  type TrainExpertEvent,
  type TrainExpertOptions,
  type TrainExpertReport,
  trainExpert,
} from '../expert/train-expert';
import { CostMeter, type RunCost, readCost } from './run-cost';
import { type Study, type StudyRun, shareOfRuns, studyConfig, studyRuns } from './study-plan';

export type RunStudyOptions = {
  /** Folder of the study; each run is a folder in its `runs`. What is found there is resumed or kept. */
  out: string;
  /** Prepared clips, on which every arm is trained that names no others. */
  store: ClipStore;
  /** The stores of the study's `clips` and `judges`, by name. */
  stores?: Readonly<Record<string, ClipStore>>;
  /** Opens a run's weights to judge them, such as `loadExpert` of @lipsync/score; needed for judges. */
  openExpert?: (weights: string) => Promise<SyncExpert>;
  /** Names of the videos to hold out in every run. Default: as `trainExpert`. */
  heldOut?: readonly string[];
  /** Which share of the runs is trained here, for arrays of jobs. Default: all of them. */
  share?: { share: number; of: number };
  /** Threads that make batches. Default 1. */
  workers?: number;
  /** Steps between two checkpoints of a run. Default 50. */
  checkpointEvery?: number;
  /** Steps between two validations of a run; 0 for none before its end. Default 250. */
  validateEvery?: number;
};

/** A run that has ended, as its folder tells. */
export type FinishedRun = StudyRun & {
  report: TrainExpertReport;
  log: ExpertLogEntry[];
  cost: RunCost;
  /** Evaluations on the study's judges, by name. */
  judged: Readonly<Record<string, ExpertEvaluation>>;
};

/** What `runStudy` yields. */
export type StudyEvent =
  | { kind: 'run'; run: StudyRun; index: number; of: number; found: boolean }
  | { kind: 'training'; run: StudyRun; event: TrainExpertEvent }
  | { kind: 'judged'; run: StudyRun; judge: string; evaluation: ExpertEvaluation };

/** Where a run lies. */
const folderOf = (out: string, { id }: StudyRun) => join(out, 'runs', id);

/**
 * Trains the runs of a study one after the other, each an ordinary `trainExpert` in a folder of its own: a study that was
 * stopped or killed resumes, runs that ended are kept, and several processes may each take a share of the runs.
 *
 * @throws what `trainExpert` throws, and RangeError for a store that is not given.
 * @example
 * for await (const event of runStudy(study, { store, out: 'study' })) if (event.kind === 'run') console.log(event.run.id);
 * const all = (await studyRuns(study)).length;
 * const results = studyResults(study, await finishedRuns(study, 'study'), all);
 */
export async function* runStudy(study: Study, options: RunStudyOptions): AsyncGenerator<StudyEvent> {
  const { out, stores = {}, openExpert, share = { share: 1, of: 1 } } = options;
  const judges = Object.keys(study.judges ?? {});
  for (const name of [...Object.keys(study.clips ?? {}), ...judges])
    if (!stores[name]) fail(RangeError, 'runStudy', 'options.stores', 'one for each of clips and judges', name);
  if (judges.length > 0 && !openExpert)
    fail(TypeError, 'runStudy', 'options.openExpert', 'given for judges', undefined);
  const runs = shareOfRuns(await studyRuns(study), share);
  for (const [index, run] of runs.entries()) {
    const folder = folderOf(out, run);
    const found = (await readReport(folder)) !== undefined;
    yield { kind: 'run', run, index, of: runs.length, found };
    if (!found) yield* trainRun(run, options, folder);
    yield* judgeRun(run, options, { folder, judges });
  }
}

/** Evaluates a run on the judges that have not seen it. */
async function* judgeRun(
  run: StudyRun,
  { stores = {}, openExpert }: RunStudyOptions,
  { folder, judges }: { folder: string; judges: readonly string[] },
): AsyncGenerator<StudyEvent> {
  const judged = await readJudged(folder);
  const missing = judges.filter((name) => !judged[name]);
  const expert = missing.length > 0 ? await openExpert?.(join(folder, 'weights.safetensors')) : undefined;
  if (!expert) return;
  try {
    for (const judge of missing) {
      const evaluation = await evaluateExpert(expert, stores[judge]);
      judged[judge] = evaluation;
      await writeFileAtomic(join(folder, 'judged.json'), `${JSON.stringify(judged)}\n`);
      yield { kind: 'judged', run, judge, evaluation };
    }
  } finally {
    expert.dispose();
  }
}

async function* trainRun(run: StudyRun, options: RunStudyOptions, folder: string): AsyncGenerator<StudyEvent> {
  await mkdir(folder, { recursive: true });
  const cost = await CostMeter.start(folder);
  try {
    for await (const event of trainExpert(trainingOf(run, options, folder))) {
      yield { kind: 'training', run, event };
      await cost.tick();
    }
  } finally {
    await cost.write();
  }
}

function trainingOf({ train, seed }: StudyRun, options: RunStudyOptions, out: string): TrainExpertOptions {
  const { config, clips, ...rest } = train;
  const { store, stores = {}, heldOut, workers, checkpointEvery, validateEvery } = options;
  return {
    ...rest,
    ...(config === undefined ? {} : { config: studyConfig(config) }),
    ...{ store: clips === undefined ? store : stores[clips], seed, out },
    ...{ heldOut, workers, checkpointEvery, validateEvery },
  };
}

/**
 * The runs of a study that have ended, in its order.
 *
 * @example
 * const finished = await finishedRuns(study, 'study');
 */
export async function finishedRuns(study: Study, out: string): Promise<FinishedRun[]> {
  const finished: FinishedRun[] = [];
  for (const run of await studyRuns(study)) {
    const folder = folderOf(out, run);
    const report = await readReport(folder);
    if (!report) continue;
    const lines = (await readFile(join(folder, 'log.jsonl'), 'utf8')).trim().split('\n');
    const log = lines.map((line) => JSON.parse(line) as ExpertLogEntry);
    finished.push({ ...run, report, log, cost: await readCost(folder), judged: await readJudged(folder) });
  }
  return finished;
}

async function readReport(folder: string): Promise<TrainExpertReport | undefined> {
  const text = await readFile(join(folder, 'report.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TrainExpertReport);
}

async function readJudged(folder: string): Promise<Record<string, ExpertEvaluation>> {
  const text = await readFile(join(folder, 'judged.json'), 'utf8').catch(() => undefined);
  return text === undefined ? {} : (JSON.parse(text) as Record<string, ExpertEvaluation>);
}
