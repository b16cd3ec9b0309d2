import { readFile } from 'node:fs/promises';
import { type AVAlignNetConfig, CONFIGURATIONS } from '@lipsync/avalignnet';
import { assertSyncRecipe, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { type LoadExpertOptions, loadExpert } from '@lipsync/score';
import { resolveWeights } from '../weights/fetch-weights';
import { UsageError } from './command';
import { whyNoFile } from './media-options';

/** A named configuration of AVAlignNet, such as `lite`, or the one in a JSON file. */
export async function readConfig(nameOrPath: string, option = '--config'): Promise<AVAlignNetConfig> {
  if (Object.hasOwn(CONFIGURATIONS, nameOrPath)) return CONFIGURATIONS[nameOrPath as keyof typeof CONFIGURATIONS];
  if (!nameOrPath.endsWith('.json')) {
    const names = Object.keys(CONFIGURATIONS).join(', ');
    throw new UsageError(`${option} must be a .json file or one of ${names}, got ${nameOrPath}`);
  }
  return (await readJson(option, nameOrPath)) as AVAlignNetConfig; // the network's constructor checks it
}

/** The recipe in a JSON file. */
export async function readRecipe(path: string, option = '--recipe'): Promise<SyncRecipe> {
  const value = await readJson(option, path);
  try {
    return assertSyncRecipe(option, value);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

/** The options of `loadExpert` that a command line gives as a path and a name. */
export async function loadOptions(
  { recipe, config, prefix }: { recipe?: string; config?: string; prefix?: string },
  flags: '--' | '--expert-' = '--',
): Promise<LoadExpertOptions> {
  return {
    ...(recipe === undefined ? {} : { recipe: await readRecipe(recipe, `${flags}recipe`) }),
    ...(config === undefined ? {} : { config: await readConfig(config, `${flags}config`) }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

/** The sync network given by `--expert`, `--expert-recipe` and `--expert-config`, on the backend that is set; undefined without `--expert`. */
export async function readHelper(options: {
  expert?: string;
  expertRecipe?: string;
  expertConfig?: string;
  expertPrefix?: string;
}): Promise<SyncExpert | undefined> {
  const { expert, expertRecipe: recipe, expertConfig: config, expertPrefix: prefix } = options;
  if (expert === undefined) return undefined;
  return loadExpert(
    await resolveWeights(expert, '--expert'),
    await loadOptions({ recipe, config, prefix }, '--expert-'),
  );
}

/** Names of people by the paths of videos, from a JSON file `{ "talks/a.mp4": "Ada" }`. */
export async function readPeople(path: string): Promise<Record<string, string>> {
  const people = await readJson('--people', path);
  const entries = typeof people === 'object' && people !== null && !Array.isArray(people) ? Object.entries(people) : [];
  if (entries.length === 0 || entries.some(([, name]) => typeof name !== 'string'))
    throw new UsageError(`--people must be a JSON object { "video path": "name" }, got ${path}`);
  return Object.fromEntries(entries);
}

/** The lines of a text file that are neither empty nor comments (`#`). */
export async function readList(path: string): Promise<string[]> {
  const lines = (await readText('--held-out', path)).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** The value in a JSON file. */
export async function readJson(option: string, path: string): Promise<unknown> {
  const text = await readText(option, path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${option} must be a JSON file, got ${path} (${(error as Error).message})`);
  }
}

/** The text of a file that an option names. */
async function readText(option: string, path: string): Promise<string> {
  const reason = await whyNoFile(path);
  if (reason !== undefined) throw new UsageError(`${option} must be a file, got ${path}: ${reason}`);
  return readFile(path, 'utf8');
}
