import { readFile } from 'node:fs/promises';
import { type AVAlignNetConfig, CONFIGURATIONS } from '@lipsync/avalignnet';
import { BACKEND_NAMES, type BackendName, selectBackend } from '@lipsync/backends';
import { assertSyncRecipe, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { LANDMARK_QUALITY } from '@lipsync/dataloader';
import { type LoadExpertOptions, loadExpert } from '@lipsync/score';
import { type OptionSpec, UsageError } from './command';

/** The option that every command has. */
export const BACKEND_OPTIONS: Record<string, OptionSpec> = {
  backend: { kind: 'choice', choices: ['auto', ...BACKEND_NAMES], default: 'auto', help: 'TensorFlow.js backend' },
  threads: { kind: 'whole', value: 'N', min: 1, help: 'threads of the backend; all processors if not given' },
};

/** Where a command says what it does: standard error, so that `--json` on standard output stays clean. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Starts the backend that was asked for, aloud. */
export async function startBackend(values: Record<string, unknown>): Promise<void> {
  const threads = values.threads as number | undefined;
  await selectBackend({ backend: values.backend as BackendName | 'auto', ...(threads ? { threads } : {}), log: say });
}

/** A named configuration, `lite`, `thesis_5_64`, …, or one in a JSON file. */
export async function readConfig(nameOrPath: string): Promise<AVAlignNetConfig> {
  if (nameOrPath in CONFIGURATIONS) return CONFIGURATIONS[nameOrPath as keyof typeof CONFIGURATIONS];
  if (!nameOrPath.endsWith('.json')) {
    throw new UsageError(
      `--config must be a .json file or one of ${Object.keys(CONFIGURATIONS).join(', ')}, got ${nameOrPath}`,
    );
  }
  return (await readJson('--config', nameOrPath)) as AVAlignNetConfig;
}

/** The recipe in a JSON file. */
export async function readRecipe(path: string): Promise<SyncRecipe> {
  return assertSyncRecipe('--recipe', await readJson('--recipe', path));
}

/** What says how an expert is fed, where its file does not: paths of JSON files, or the name of a configuration. `threads`: of ONNX files. */
export type ExpertOptions = { recipe?: string; config?: string; threads?: number };

/** The options of `loadExpert` that a command line gives as paths and names. */
export async function expertOptions({ recipe, config, threads }: ExpertOptions): Promise<LoadExpertOptions> {
  return {
    ...(recipe === undefined ? {} : { recipe: await readRecipe(recipe) }),
    ...(config === undefined ? {} : { config: await readConfig(config) }),
    ...(threads === undefined ? {} : { threads }),
  };
}

/** The expert in a weights file of any kind; usage errors name the options of the command line. */
export async function readExpert(path: string, options: ExpertOptions = {}): Promise<SyncExpert> {
  return inOptions(async () => loadExpert(path, await expertOptions(options)));
}

/** Runs `load`; errors of `loadExpert` about its options become usage errors that name those of the command line. */
export async function inOptions<A>(load: () => Promise<A>): Promise<A> {
  try {
    return await load();
  } catch (error) {
    const { message } = error as Error;
    if (!message.startsWith('loadExpert: ')) throw error;
    const words = message
      .slice('loadExpert: '.length)
      .replace(/^options\.(config|recipe)/, '--$1')
      .replace(/^source/, '--weights')
      .replace(/got undefined$/, 'got none');
    throw new UsageError(words, { cause: error });
  }
}

/** Lines of a text file that are not empty. */
export async function readList(path: string): Promise<string[]> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

async function readJson(option: string, path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${option} must be a JSON file, got ${path} (${(error as Error).message})`);
  }
}

/** The option of the commands that look for faces. */
export const LANDMARK_QUALITY_OPTION: OptionSpec = {
  kind: 'choice',
  choices: Object.keys(LANDMARK_QUALITY),
  default: 'fast',
  help: 'landmarks from two looks at every second frame, or from five at each',
};
