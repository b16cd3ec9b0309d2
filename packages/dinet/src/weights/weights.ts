import { type ByteInput, encodeSafetensors, identifyNetwork, readWeights } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { assertDinetConfig, type DinetConfig } from '../network/config';
import { DinetGenerator } from '../network/generator';

/** Where DINet's training writes the generator. */
const PUBLISHED_DICT = 'state_dict.net_g';

export type LoadDinetOptions = {
  /**
   * For files that do not give it: needed where the shapes do not (a mel front end; norms without parameters). Must
   * agree with the file's. Default: the file's, else by its shapes.
   */
  config?: DinetConfig;
  /** The dict of a file that holds several, as in `readStateDict`. Default `state_dict.net_g` where the file has it. */
  prefix?: string;
};

/**
 * The metadata of a generator's file: `dinet`, its config as JSON; `mouth`, the side of the mouth box that it was trained
 * with, where that is known; and `format`, which other readers of safetensors ask for.
 *
 * @example
 * const bytes = encodeSafetensors(await average.stateDict(), dinetMetadata(net)); // of @lipsync/checkpoints
 */
export function dinetMetadata(net: Pick<DinetGenerator, 'config' | 'crop'>): Record<string, string> {
  const mouth = net.crop && { mouth: `${net.crop.mouth}` };
  return { format: 'pt', dinet: JSON.stringify(net.config), ...mouth };
}

/**
 * A generator as the bytes of a safetensors file: float32 weights under the published names, its config in the
 * metadata; `loadDinet` reads it.
 *
 * @param metadata more texts for the header, such as what it was trained on; those of `dinetMetadata` win. Default
 *   none.
 * @example
 * const bytes = await saveDinet(net);
 * await writeFileAtomic('generator.safetensors', bytes); // of @lipsync/checkpoints
 */
export async function saveDinet(net: DinetGenerator, metadata: Record<string, string> = {}): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), { ...metadata, ...dinetMetadata(net) });
}

/**
 * Builds the generator of a weights file: ours (safetensors with its config in the metadata), or PyTorch's as DINet's
 * training writes it (`{ epoch, state_dict: { net_g, … }, optimizer }`, with or without `module.` before every name) or
 * as a state dict alone.
 *
 * Where neither the file nor `options.config` gives the configuration, it is deduced from the shapes; what leaves no
 * trace in them (AdaAT's sampling, and how alignment ends without parameters of norms) is then as published.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns a generator in evaluation mode, `weightsHash` set, and `crop` where the file says which face images it takes. The caller disposes it.
 * @throws Error where the file belongs to another network (named where it is known), where its config and the one given
 *   differ (each difference named), where neither gives enough, and one error with every missing, unused and misshapen
 *   name.
 * @example
 * const net = await loadDinet('clip_training_DINet_256mouth.pth');
 */
export async function loadDinet(source: ByteInput, options: LoadDinetOptions = {}): Promise<DinetGenerator> {
  const where = 'loadDinet';
  const { config, prefix } = options;
  const { state, metadata, sha256 } = await readWeights(source, { prefix, preferred: PUBLISHED_DICT });
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  if (!state.has('adaAT.commn_linear.0.weight')) {
    const known = identifyNetwork(shapes);
    const some = [...state.keys()].slice(0, 3).join(', ');
    const got = known ? `those of ${known.title}` : `${state.size} names, ${some}, …`;
    fail(Error, where, 'the file', "one with the parameters of DINet's generator", got);
  }
  const net = new DinetGenerator(agreedConfig(where, { text: metadata.dinet, given: config, shapes }), { seed: 0 });
  try {
    net.eval().loadStateDict(state, { where });
    net.weightsHash = sha256;
    const mouth = Number(metadata.mouth);
    if (Number.isInteger(mouth) && mouth > 0 && mouth % 8 === 0) net.crop = { kind: 'dinet head', mouth };
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

type ConfigSources = { text: string | undefined; given: DinetConfig | undefined; shapes: Map<string, number[]> };

function agreedConfig(where: string, { text, given, shapes }: ConfigSources): DinetConfig {
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

/** The configuration that the shapes of a state dict imply: sizes, and which norms have parameters. */
function configOf(where: string, shapes: Map<string, number[]>): DinetConfig {
  const side = (name: string, axis: number): number => shapes.get(name)?.[axis] ?? Number.NaN;
  const untold = [
    ['a mel front end', [...shapes.keys()].some((name) => name.startsWith('mel_front_end.'))],
    ['no parameters of a norm over time', !shapes.has('audio_encoder.0.norm.weight')],
    // Not as published, so AdaAT's sampling is unknown.
    ['no parameters of a norm', !shapes.has('source_in_conv.0.norm.weight')],
  ].find(([, holds]) => holds)?.[0];
  if (untold) {
    const rule = 'given for a file without dinet metadata whose shapes do not imply it';
    fail(Error, where, 'options.config', rule, `none, for one with ${untold}`);
  }
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
