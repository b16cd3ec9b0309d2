import { readFile } from 'node:fs/promises';
import { CONFIGURATIONS, loadAVAlignNet, type AVAlignNet, type AVAlignNetConfig } from '@lipsync/avalignnet';
import { BACKEND_NAMES, selectBackend, type BackendName } from '@lipsync/backends';
import { assertSyncRecipe, type SyncRecipe } from '@lipsync/contracts';
import { UsageError, type OptionSpec } from './command';

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

/** The expert in a weights file; with `recipePath` where the file has no recipe of its own. */
export async function readExpert(path: string, recipePath?: string): Promise<AVAlignNet> {
  const recipe = recipePath === undefined ? undefined : await readRecipe(recipePath);
  const net = await loadAVAlignNet(await readFile(path), { recipe });
  if (net.hasRecipe) return net;
  net.dispose();
  throw new UsageError(`--expert must be a file with a recipe in its metadata, or --recipe FILE be given, got ${path}`);
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
