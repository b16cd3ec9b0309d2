import {
  type Checkpoint,
  identifyNetwork,
  type KnownNetwork,
  nearestNetwork,
  nonFiniteValues,
  openCheckpoint,
} from '@lipsync/checkpoints';
import { assertSyncRecipe, type SyncRecipe } from '@lipsync/contracts';
import { dinetRecipe, LATENTSYNC_WAV2LIP_RECIPE, SYNCNET_RECIPE, WAV2LIP_RECIPE } from '@lipsync/syncnet';
import { megabytes } from './megabytes';
import { type HeldNetwork, networkNames, shapesOf } from './network-dicts';

/** Recipes of published networks, which their files do not carry. */
const RECIPES: Record<string, SyncRecipe> = {
  syncnet: SYNCNET_RECIPE,
  wav2lip: WAV2LIP_RECIPE,
  'latentsync-wav2lip': LATENTSYNC_WAV2LIP_RECIPE,
  'dinet-syncnet': dinetRecipe(),
};

/** What a weights file holds. */
export type WeightsReport = {
  file: string;
  format: Checkpoint['format'];
  bytes: number;
  /** Tensors of the state dict, and the values in them. */
  tensors: number;
  parameters: number;
  /** Tensors by element type. */
  dtypes: Record<string, number>;
  network?: Pick<KnownNetwork, 'name' | 'title' | 'purpose'>;
  /** Known networks in other dicts of the file, such as discriminators. */
  others?: HeldNetwork[];
  /** Where no network is known: the one that shares most of its identifying parameters. */
  nearest?: string;
  /** What the shapes tell. */
  configuration?: Record<string, unknown>;
  recipe?: SyncRecipe;
  metadata: Record<string, string>;
  /** Other things in the file, such as global_step; the first 20. */
  entries: Record<string, string | number | boolean | null>;
  names: string[];
  /** Tensors with NaN or infinite values, which no network loads: how many values, and the first. */
  notFinite: Record<string, string>;
};

/** What a weights file holds; its values are read one tensor at a time, to find those that are not finite. */
export async function inspectWeights(path: string, prefix?: string): Promise<WeightsReport> {
  const file = await openCheckpoint(path);
  try {
    const { names, others } = networkNames(file, prefix);
    const shapes = shapesOf(file, names);
    const dtypes: Record<string, number> = {};
    for (const inFile of names.values()) {
      const { dtype } = file.tensors.get(inFile) as { dtype: string };
      dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
    }
    const counted = [...shapes].filter(([name]) => !/running_(mean|var)$|num_batches_tracked$/.test(name));
    const network = identifyNetwork(shapes);
    const recipe = file.metadata.recipe
      ? assertSyncRecipe('inspectWeights', JSON.parse(file.metadata.recipe))
      : network && RECIPES[network.name];
    const nearest = network ? undefined : nearestNetwork(shapes);
    return {
      file: path,
      format: file.format,
      bytes: file.bytes,
      tensors: names.size,
      parameters: counted.reduce((sum, [, shape]) => sum + shape.reduce((product, side) => product * side, 1), 0),
      dtypes,
      ...(network ? { network: { name: network.name, title: network.title, purpose: network.purpose } } : {}),
      ...(others.length > 0 ? { others } : {}),
      ...(nearest
        ? {
            nearest: `${nearest.network.title} (${nearest.fitting} of ${nearest.network.identifiedBy.length} identifying parameters)`,
          }
        : {}),
      ...(network?.name === 'avalignnet' ? { configuration: towersOf(shapes, file.metadata.input) } : {}),
      ...(recipe ? { recipe } : {}),
      metadata: file.metadata,
      entries: Object.fromEntries([...file.entries].slice(0, 20)),
      names: [...names.keys()].slice(0, 8),
      notFinite: await notFiniteIn(file, names),
    };
  } finally {
    await file.close();
  }
}

async function notFiniteIn(file: Checkpoint, names: ReadonlyMap<string, string>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [name, inFile] of names) {
    const array = await file.read(inFile);
    const values = nonFiniteValues(array);
    if (values)
      found[name] = `${values.count} of ${array.data.length} values, the first ${values.value} at ${values.index}`;
  }
  return found;
}

/** Channels, attention and frames of AVAlignNet's towers. */
function towersOf(shapes: ReadonlyMap<string, readonly number[]>, input: string | undefined): Record<string, unknown> {
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
  return {
    ...windowOf(visual.in_channels ?? 0, input),
    visual_encoder: visual,
    audio_encoder: tower('audio_encoder'),
  };
}

/**
 * How many frames share the channels of the first convolution: by the file's input size, else colours, else latents of
 * four channels, of which the published network takes 16.
 */
function windowOf(channels: number, input: string | undefined): Record<string, unknown> {
  const given = input === undefined ? undefined : (JSON.parse(input) as { frameCount?: number }).frameCount;
  const frameCount = given ?? (channels % 3 === 0 ? channels / 3 : channels / 4);
  if (!Number.isInteger(frameCount)) return {};
  const perFrame = channels / frameCount;
  return { frameCount, ...(perFrame === 3 ? {} : { channelsPerFrame: perFrame }) };
}

/** The report in lines. */
export function describeWeights(report: WeightsReport): string {
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
    notFinite,
  } = report;
  const lines = [
    `${file}: ${format}, ${megabytes(bytes)}`,
    `network:    ${network ? `${network.title}` : `unknown${nearest ? `; nearest: ${nearest}` : ''}; first parameters: ${names.join(', ')}`}`,
    `parameters: ${parameters.toLocaleString('en')} in ${tensors} tensors (${Object.entries(dtypes)
      .map(([dtype, count]) => `${count} ${dtype}`)
      .join(', ')})`,
  ];
  const unusable = Object.entries(notFinite);
  for (const [name, values] of unusable.slice(0, 8)) lines.push(`not finite: ${name}: ${values}`);
  if (unusable.length > 0) lines.push(`not finite: ${unusable.length} of ${tensors} tensors; the file cannot be used`);
  if (network) lines.push(`purpose:    ${network.purpose}`);
  for (const other of report.others ?? []) lines.push(`beside it:  ${other.network.title}, at ${other.prefix}`);
  if (configuration) lines.push(`config:     ${JSON.stringify(configuration)}`);
  if (recipe)
    lines.push(
      `recipe:     ${JSON.stringify(recipe)}${metadata.recipe ? '' : ' (of the published network; the file has none)'}`,
    );
  for (const [name, value] of Object.entries(metadata))
    if (name !== 'recipe') lines.push(`metadata:   ${name} ${value.slice(0, 200)}`);
  for (const [name, value] of Object.entries(entries)) lines.push(`also holds: ${name} ${String(value).slice(0, 80)}`);
  return `${lines.join('\n')}\n`;
}
