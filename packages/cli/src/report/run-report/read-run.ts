import { readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { UsageError } from '../../terminal/command';

/** A line of the log: numbers by name, and what else a kind of training notes. */
export type LogLine = { step: number } & Readonly<Record<string, unknown>>;

/** What a training run left in its folder. */
export type TrainingRun = {
  /** The folder's name, or its path where two have the same. */
  name: string;
  folder: string;
  log: LogLine[];
  settings: Readonly<Record<string, unknown>>;
  /** The end of the run; undefined while it is running, or where it was stopped. */
  report?: Readonly<Record<string, unknown>>;
};

/** Whether a folder holds a training run, finished or not. */
export async function isRun(folder: string): Promise<boolean> {
  const entry = await stat(join(folder, 'log.jsonl')).catch(() => undefined);
  return entry?.isFile() ?? false;
}

/** Whether a run is of `lipsync train generator`: its settings have a stage. */
export function isGenerator({ settings }: Pick<TrainingRun, 'settings'>): boolean {
  return 'stage' in settings;
}

/**
 * Reads runs of `lipsync train`, named so that no two have the same name.
 *
 * @throws UsageError for a log without a step.
 */
export async function readRuns(folders: readonly string[]): Promise<TrainingRun[]> {
  const names = folders.map((folder) => basename(resolve(folder)));
  const alone = (name: string) => names.filter((other) => other === name).length === 1;
  return Promise.all(folders.map((folder, i) => readRun(folder, alone(names[i]) ? names[i] : folder)));
}

async function readRun(folder: string, name: string): Promise<TrainingRun> {
  const text = await readFile(join(folder, 'log.jsonl'), 'utf8');
  const log = text.split('\n').flatMap((line) => parsed<LogLine>(line) ?? []);
  if (log.length === 0)
    throw new UsageError(`RUN must be a folder of lipsync train with at least one step, got ${folder}`);
  const json = (file: string) =>
    readFile(join(folder, file), 'utf8').then(parsed<Record<string, unknown>>, () => undefined);
  const [settings = {}, report] = [await json('settings.json'), await json('report.json')];
  return { name, folder, log, settings, ...(report ? { report } : {}) };
}

/** Undefined for what is no JSON, such as a line that is being written. */
function parsed<A>(text: string): A | undefined {
  try {
    return JSON.parse(text) as A;
  } catch {
    return undefined;
  }
}
