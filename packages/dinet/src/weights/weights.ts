import {
  type Checkpoint,
  encodeSafetensors,
  identifyNetwork,
  type NamedArray,
  openCheckpoint,
  readStateDict,
  writeFileAtomic,
} from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { assertDinetConfig, type DinetConfig } from '../network/config';
import { DinetGenerator } from '../network/generator';

/** Where DINet's training writes the generator. */
const PUBLISHED_DICT = 'state_dict.net_g';

export type LoadDinetOptions = {
  /** For files that do not say it: needed where the shapes do not tell (a mel front end; a norm without parameters). Must agree with the file's. */
  config?: DinetConfig;
};

/**
 * The metadata of a generator's file: `dinet`, its config as JSON, and `format`, which other readers of safetensors ask for.
 *
 * @example
 * encodeSafetensors(await average.stateDict(), dinetMetadata(net));
 */
export function dinetMetadata(net: Pick<DinetGenerator, 'config'>): Record<string, string> {
  return { format: 'pt', dinet: JSON.stringify(net.config) };
}

/**
 * Writes a generator as a safetensors file, all of it or nothing: float32 weights under the published names, its config in the metadata.
 *
 * @param metadata more texts for the header, such as what it was trained on; those of `dinetMetadata` win.
 */
export async function saveDinet(
  path: string,
  net: DinetGenerator,
  metadata: Record<string, string> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(await net.stateDict(), { ...metadata, ...dinetMetadata(net) }));
}

/**
 * Builds the generator that a file holds: ours (safetensors with its config in the metadata), or PyTorch's as DINet's training writes it
 * (`{ epoch, state_dict: { net_g, … }, optimizer }`, with or without `module.` before every name) or as a state dict alone.
 *
 * Where neither the file nor `options.config` says what the generator looks like, its shapes do; what leaves no trace there (sampling, and how
 * alignment ends without parameters of norms) is then as published.
 *
 * @param source path (Node), address, or the bytes.
 * @returns a generator in evaluation mode. The caller disposes it.
 * @throws Error where the file is of something else (said, where it is known), where its config and the one given differ (each difference
 *   named), where neither says enough, and one error with every missing, unused and misshapen name.
 * @example
 * const net = await loadDinet('clip_training_DINet_256mouth.pth');
 */
export async function loadDinet(
  source: string | Uint8Array,
  { config }: LoadDinetOptions = {},
): Promise<DinetGenerator> {
  const where = 'loadDinet';
  const { state, metadata } = await readGenerator(source);
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  if (!state.has('adaAT.commn_linear.0.weight')) {
    const known = identifyNetwork(shapes);
    const got = known
      ? `those of ${known.title}`
      : `${state.size} names, ${[...state.keys()].slice(0, 3).join(', ')}, …`;
    fail(Error, where, 'the file', 'one with the parameters of DINet’s generator', got);
  }
  const net = new DinetGenerator(agreedConfig(where, metadata.dinet, config, shapes), { seed: 0 });
  try {
    net.loadStateDict(state, { where });
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net.eval() as DinetGenerator;
}

async function readGenerator(
  source: string | Uint8Array,
): Promise<{ state: Map<string, NamedArray>; metadata: Record<string, string> }> {
  const file: Checkpoint = await openCheckpoint(source);
  const published = file.dicts.includes(PUBLISHED_DICT);
  await file.close();
  return readStateDict(source, published ? { prefix: PUBLISHED_DICT } : {});
}

function agreedConfig(
  where: string,
  text: string | undefined,
  given: DinetConfig | undefined,
  shapes: Map<string, number[]>,
): DinetConfig {
  if (given !== undefined) assertDinetConfig(where, given);
  if (text === undefined) return given ?? assertDinetConfig(where, configOf(where, shapes));
  const stored = assertDinetConfig(where, parse(where, text));
  const differing = given ? differences(stored, given) : [];
  if (differing.length > 0) fail(Error, where, 'options.config', "the file's", `another ${differing.join(', ')}`);
  return stored;
}

function parse(where: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(Error, where, "the file's dinet metadata", 'JSON', text);
  }
}

function differences(a: DinetConfig, b: DinetConfig): string[] {
  const flat = ({ audio, alignmentEnd = 'norm', ...rest }: DinetConfig) => ({
    ...rest,
    alignmentEnd,
    'audio.kind': audio.kind,
    'audio.bins': audio.bins,
    'audio.steps': audio.steps,
  });
  const [left, right] = [flat(a), flat(b)];
  return (Object.keys(left) as (keyof typeof left)[]).filter((key) => left[key] !== right[key]);
}

/** What the shapes of a state dict say: sizes, and which norms have left parameters. */
function configOf(where: string, shapes: Map<string, number[]>): DinetConfig {
  const side = (name: string, axis: number): number => shapes.get(name)?.[axis] ?? Number.NaN;
  const untold = [
    ['a mel front end', [...shapes.keys()].some((name) => name.startsWith('mel_front_end.'))],
    ['no parameters of a norm over time', !shapes.has('audio_encoder.0.norm.weight')],
    // Not as published, so how AdaAT samples is open.
    ['no parameters of a norm', !shapes.has('source_in_conv.0.norm.weight')],
  ].find(([, holds]) => holds)?.[0];
  if (untold)
    fail(
      Error,
      where,
      'options.config',
      'given for a file that does not tell it (dinet metadata)',
      `none, for one with ${untold}`,
    );
  return {
    width: side('source_in_conv.0.conv.weight', 0),
    referenceChannels: side('ref_in_conv.2.conv.weight', 0),
    references: side('ref_in_conv.0.conv.weight', 1) / 3,
    norm: 'batch',
    audioNorm: shapes.has('audio_encoder.0.norm.running_mean') ? 'batch' : 'layer',
    ...(!shapes.has('trans_conv.10.norm.weight') ? { alignmentEnd: 'plain' as const } : {}),
    sampling: 'published',
    audio: { kind: 'logits', bins: side('audio_encoder.0.conv.weight', 1), steps: 5 },
  };
}
