import { readFile } from 'node:fs/promises';
import { AVAlignNet, CONFIGURATIONS, loadAVAlignNet, type AVAlignNetConfig } from '@lipsync/avalignnet';
import { BACKEND_NAMES, selectBackend, type BackendName } from '@lipsync/backends';
import { assertSyncRecipe, type SyncExpert, type SyncRecipe } from '@lipsync/contracts';
import { identifyNetwork, openCheckpoint, readStateDict, sha256Hex, stateDictNames } from '@lipsync/nn';
import { readOnnxExpert } from '@lipsync/onnx';
import { loadSyncNetwork, syncNetworkOf } from '@lipsync/syncnet';
import { UsageError, type OptionSpec } from './command';
import { findOnnxFiles } from './onnx-files';

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

/** The expert in a weights file of any kind, told apart by its names: AVAlignNet, one of `@lipsync/syncnet`, or what `lipsync export` wrote. */
export async function readExpert(path: string, options: ExpertOptions = {}): Promise<SyncExpert> {
  if (path.endsWith('.onnx')) return readOnnxExpert(await findOnnxFiles(path), { threads: options.threads });
  const recipe = options.recipe === undefined ? undefined : await readRecipe(options.recipe);
  const file = await openCheckpoint(path);
  const names = stateDictNames(file);
  await file.close();
  const shapes = new Map([...names].map(([name, inFile]) => [name, file.tensors.get(inFile)?.shape ?? []]));
  if (syncNetworkOf(names.keys())) return loadSyncNetwork(path, { recipe });
  const network = identifyNetwork(shapes);
  if (network && network.name !== 'avalignnet') {
    throw new UsageError(`--weights must be those of an expert, got ${path}, which holds ${network.title} (${network.use})`);
  }
  const bytes = await readFile(path);
  if (file.format === 'safetensors') {
    const config = options.config === undefined ? undefined : await readConfig(options.config);
    return withRecipe(await loadAVAlignNet(bytes, { recipe, config }), path);
  }
  // A file of PyTorch says nothing but names and shapes.
  if (options.config === undefined) {
    throw new UsageError(`--config must name the configuration of ${path} (one of ${Object.keys(CONFIGURATIONS).join(', ')}), got none`);
  }
  const net = new AVAlignNet(await readConfig(options.config), { seed: 0, recipe });
  try {
    net.loadStateDict((await readStateDict(bytes)).state, { where: path });
    net.weightsHash = await sha256Hex(bytes);
  } catch (error) {
    net.dispose();
    throw error;
  }
  return withRecipe(net, path);
}

function withRecipe(net: AVAlignNet, path: string): AVAlignNet {
  if (net.hasRecipe) return net;
  net.dispose();
  throw new UsageError(`--recipe must be the recipe of ${path}, as its metadata has none, got none`);
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
