import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type Checkpoint,
  type FloatDtype,
  identifyNetwork,
  type KnownNetwork,
  nearestNetwork,
  openCheckpoint,
  stateDictNames,
  writeSafetensorsFile,
} from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { dinetRecipe, LATENTSYNC_WAV2LIP_RECIPE, SYNCNET_RECIPE, WAV2LIP_RECIPE } from '@lipsync/syncnet';
import { type CommandSpec, type ParsedCommand, UsageError } from '../terminal/command';
import { createProgress, type Progress } from '../terminal/progress';
import { say } from '../terminal/setup';
import { fetchWeights, publishedFile, resolveWeights } from './fetch-weights';
import { PUBLISHED_FILES } from './published-weights';

const ACTIONS = ['inspect', 'convert', 'fetch'];
const FLOATS: Record<string, FloatDtype | undefined> = {
  f32: 'float32',
  f16: 'float16',
  bf16: 'bfloat16',
  keep: undefined,
};

export const WEIGHTS: CommandSpec = {
  name: 'weights',
  positionals: 'inspect FILE | convert FILE OUT.safetensors | fetch NAME',
  summary:
    'Says what a file of weights holds, turns it into safetensors, or fetches a published one. Nothing in a file is ever run.',
  options: {
    dtype: { kind: 'choice', choices: Object.keys(FLOATS), default: 'keep', help: 'convert: width of floats' },
    prefix: {
      kind: 'text',
      value: 'NAME',
      help: 'the dict to take of a file that holds several, such as state_dict.net_g',
    },
    force: { kind: 'flag', help: 'convert: writes over OUT' },
    from: {
      kind: 'text',
      value: 'PLACE',
      help: 'fetch: another address, or a folder; LIPSYNC_WEIGHTS_MIRROR if not given',
    },
    to: {
      kind: 'text',
      value: 'DIR',
      help: 'fetch: folder that keeps the files; LIPSYNC_CACHE or the system’s if not given',
    },
    list: { kind: 'flag', help: 'fetch: shows all names' },
    json: { kind: 'flag', help: 'prints the result as JSON' },
  },
};

/** Recipes of published networks, which their files do not carry. */
const RECIPES: Record<string, SyncRecipe> = {
  syncnet: SYNCNET_RECIPE,
  wav2lip: WAV2LIP_RECIPE,
  'latentsync-wav2lip': LATENTSYNC_WAV2LIP_RECIPE,
  'dinet-syncnet': dinetRecipe(),
};

export async function runWeights({ positionals, values }: ParsedCommand): Promise<void> {
  const [action, ...rest] = positionals;
  const print = (result: unknown) => values.json && process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  if (action === 'inspect' && rest.length === 1) {
    const result = await inspectWeights(await resolveWeights(rest[0]), values.prefix as string | undefined);
    if (!values.json) process.stdout.write(describeWeights(result));
    print(result);
  } else if (action === 'convert' && rest.length === 2) {
    const options = {
      prefix: values.prefix as string | undefined,
      dtype: values.dtype as string,
      force: values.force === true,
    };
    const result = await convertWeights(await resolveWeights(rest[0]), resolve(rest[1]), options);
    say(
      `${result.tensors} tensors, ${megabytes(result.bytesBefore)} before, ${megabytes(result.bytes)} now: ${rest[1]}`,
    );
    print(result);
  } else if (action === 'fetch' && (values.list || rest.length === 0)) {
    for (const { name, file, what, note } of PUBLISHED_FILES)
      process.stdout.write(`${name.padEnd(22)} ${file.padEnd(38)} ${what}${note ? ` (${note})` : ''}\n`);
    if (!values.list) throw new UsageError('lipsync weights fetch: NAME must be one of the above, got none');
  } else if (action === 'fetch') {
    for (const name of rest) print(await fetchWithProgress(name, values));
  } else {
    throw new UsageError(
      `lipsync weights: words must be ${WEIGHTS.positionals} (${ACTIONS.join(', ')}), got ${positionals.join(' ') || 'none'}`,
    );
  }
}

async function fetchWithProgress(name: string, values: ParsedCommand['values']) {
  publishedFile(name);
  let progress: Progress | undefined;
  const onProgress = (done: number, of: number) => {
    progress ??= createProgress({ label: name, total: Math.ceil((Number.isFinite(of) ? of : done) / 1e6) });
    progress.update(Math.floor(done / 1e6), `${megabytes(done)}`);
  };
  try {
    const fetched = await fetchWeights(name, {
      cache: values.to as string | undefined,
      from: values.from as string | undefined,
      onProgress,
      log: say,
    });
    progress?.stop();
    say(
      `${fetched.cached ? 'there already' : 'fetched'}: ${fetched.path} (${megabytes(fetched.bytes)}, SHA-256 ${fetched.sha256})`,
    );
    return fetched;
  } finally {
    progress?.stop();
  }
}

const megabytes = (bytes: number) =>
  bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

export type WeightsReport = {
  file: string;
  format: Checkpoint['format'];
  bytes: number;
  /** Tensors of the state dict, and their numbers. */
  tensors: number;
  parameters: number;
  /** Tensors by element type. */
  dtypes: Record<string, number>;
  network?: Pick<KnownNetwork, 'name' | 'title' | 'use'>;
  /** Where no network is known: the one that shares most of its signs. */
  nearest?: string;
  /** What is read off the shapes. */
  configuration?: Record<string, unknown>;
  recipe?: SyncRecipe;
  metadata: Record<string, string>;
  /** Other things in the file, such as global_step; the first 20. */
  entries: Record<string, string | number | boolean | null>;
  names: string[];
};

/** What a file of weights holds, without reading its numbers. */
export async function inspectWeights(path: string, prefix?: string): Promise<WeightsReport> {
  const file = await openCheckpoint(path);
  try {
    const names = stateDictNames(file, prefix);
    const shapes = new Map(
      [...names].map(([name, inFile]) => [name, (file.tensors.get(inFile) as { shape: number[] }).shape]),
    );
    const dtypes: Record<string, number> = {};
    for (const inFile of names.values()) {
      const { dtype } = file.tensors.get(inFile) as { dtype: string };
      dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
    }
    const counted = [...shapes].filter(([name]) => !/running_(mean|var)$|num_batches_tracked$/.test(name));
    const network = identifyNetwork(shapes);
    const recipe = file.metadata.recipe
      ? (JSON.parse(file.metadata.recipe) as SyncRecipe)
      : network && RECIPES[network.name];
    const nearest = network ? undefined : nearestNetwork(shapes);
    return {
      file: path,
      format: file.format,
      bytes: file.bytes,
      tensors: names.size,
      parameters: counted.reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0),
      dtypes,
      ...(network ? { network: { name: network.name, title: network.title, use: network.use } } : {}),
      ...(nearest
        ? { nearest: `${nearest.network.title} (${nearest.fitting} of ${nearest.network.signs.length} signs)` }
        : {}),
      ...(network?.name === 'avalignnet' ? { configuration: towersOf(shapes) } : {}),
      ...(recipe ? { recipe } : {}),
      metadata: file.metadata,
      entries: Object.fromEntries([...file.entries].slice(0, 20)),
      names: [...names.keys()].slice(0, 8),
    };
  } finally {
    await file.close();
  }
}

/** Channels, attention and frames of AVAlignNet's towers. */
function towersOf(shapes: ReadonlyMap<string, readonly number[]>): Record<string, unknown> {
  const tower = (name: string) => {
    const channels: number[] = [];
    const attention: number[] = [];
    for (let index = 0; ; index++) {
      const conv = shapes.get(`${name}.down_blocks.${index}.conv1.weight`);
      if (conv) {
        channels.push(conv[0]);
        attention.push(0);
      } else if (
        shapes.has(`${name}.down_blocks.${index}.attn.to_q.weight`) ||
        shapes.has(`${name}.down_blocks.${index}.norm3.weight`)
      ) {
        attention[attention.length - 1] = 1;
      } else break;
    }
    return {
      in_channels: shapes.get(`${name}.conv_in.weight`)?.[1],
      block_out_channels: channels,
      attn_blocks: attention,
    };
  };
  const visual = tower('visual_encoder');
  return { frameCount: (visual.in_channels ?? 0) / 3, visual_encoder: visual, audio_encoder: tower('audio_encoder') };
}

function describeWeights(report: WeightsReport): string {
  const {
    file,
    format,
    bytes,
    tensors,
    parameters,
    dtypes,
    network,
    nearest,
    configuration,
    recipe,
    metadata,
    entries,
    names,
  } = report;
  const lines = [
    `${file}: ${format}, ${megabytes(bytes)}`,
    `network:    ${network ? `${network.title}` : `not known${nearest ? `; nearest: ${nearest}` : ''}; begins with ${names.join(', ')}`}`,
    `parameters: ${parameters.toLocaleString('en')} in ${tensors} tensors (${Object.entries(dtypes)
      .map(([dtype, count]) => `${count} ${dtype}`)
      .join(', ')})`,
  ];
  if (network) lines.push(`used by:    ${network.use}`);
  if (configuration) lines.push(`config:     ${JSON.stringify(configuration)}`);
  if (recipe)
    lines.push(
      `recipe:     ${JSON.stringify(recipe)}${metadata.recipe ? '' : ' (of the published network; the file does not say)'}`,
    );
  for (const [name, value] of Object.entries(metadata))
    if (name !== 'recipe') lines.push(`metadata:   ${name} ${value.slice(0, 200)}`);
  for (const [name, value] of Object.entries(entries)) lines.push(`beside it:  ${name} ${String(value).slice(0, 80)}`);
  return `${lines.join('\n')}\n`;
}

/** Writes a file's state dict as safetensors, tensor by tensor, with the recipe of the network where it is a published one. */
export async function convertWeights(
  path: string,
  out: string,
  { prefix, dtype = 'keep', force = false }: { prefix?: string; dtype?: string; force?: boolean } = {},
): Promise<{ tensors: number; bytesBefore: number; bytes: number; out: string }> {
  if (!out.endsWith('.safetensors'))
    throw new UsageError(`lipsync weights convert: OUT must end in .safetensors, got ${out}`);
  if (!force && (await stat(out).catch(() => undefined)))
    throw new UsageError(`lipsync weights convert: OUT must be a new file (or give --force), got ${out}`);
  const { network, recipe, metadata } = await inspectWeights(path, prefix);
  const file = await openCheckpoint(path);
  try {
    const names = stateDictNames(file, prefix);
    const entries = [...names].map(([name, inFile]) => ({
      name,
      ...(file.tensors.get(inFile) as Checkpoint['tensors'] extends Map<string, infer T> ? T : never),
      read: () => file.read(inFile),
    }));
    const words = {
      ...metadata,
      ...(network ? { network: network.name } : {}),
      ...(recipe ? { recipe: JSON.stringify(recipe) } : {}),
    };
    const bytes = await writeSafetensorsFile(out, entries, { metadata: words, floats: FLOATS[dtype] });
    return { tensors: entries.length, bytesBefore: file.bytes, bytes, out };
  } finally {
    await file.close();
  }
}
