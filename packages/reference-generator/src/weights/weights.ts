import { type ByteInput, encodeSafetensors, identifyNetwork, readWeights } from '@lipsync/checkpoints';
import { fail, type StoredCrop } from '@lipsync/contracts';
import { assertReferenceGeneratorConfig, REFERENCE_GENERATOR, type ReferenceGeneratorConfig } from '../network/config';
import { ReferenceGenerator } from '../network/generator';

const METADATA = 'reference_generator';
/** A parameter that every generator has, and no other known network. */
const MARK = 'decoder.bottleneck.conv_block.0.weight';

export type LoadReferenceGeneratorOptions = {
  /** For files that do not give it, such as those of `torch.save`. Must agree with the file's. Default: the file's. */
  config?: ReferenceGeneratorConfig;
  /** The dict of a file that holds several, as in `readStateDict`. Default `state_dict` where the file has it. */
  prefix?: string;
};

/**
 * The metadata of a generator's file: `reference_generator`, its config as JSON; `crop`, the face images that it was
 * trained with, as JSON, where that is known; and `format`, which other readers of safetensors ask for.
 *
 * @example
 * const bytes = encodeSafetensors(await net.stateDict(), referenceGeneratorMetadata(net)); // of @lipsync/checkpoints
 */
export function referenceGeneratorMetadata(net: Pick<ReferenceGenerator, 'config' | 'crop'>): Record<string, string> {
  const crop = net.crop && { crop: JSON.stringify(net.crop) };
  return { format: 'pt', [METADATA]: JSON.stringify(net.config), ...crop };
}

/**
 * A generator as the bytes of a safetensors file: float32 weights by name, its config in the metadata;
 * `loadReferenceGenerator` reads it.
 *
 * @param metadata more texts for the header, such as what it was trained on; those of `referenceGeneratorMetadata` win.
 *   Default none.
 * @example
 * const bytes = await saveReferenceGenerator(net);
 * await writeFileAtomic('generator.safetensors', bytes); // of @lipsync/checkpoints
 */
export async function saveReferenceGenerator(
  net: ReferenceGenerator,
  metadata: Record<string, string> = {},
): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), { ...metadata, ...referenceGeneratorMetadata(net) });
}

/**
 * Builds the generator of a weights file: ours (safetensors with its config in the metadata), or PyTorch's state dict of
 * the same names, alone or under `state_dict`, with or without `module.` before every name.
 *
 * Without a config, the shapes imply sizes and parts; what leaves no trace in them (attention, residual blocks,
 * references) is then as in `REFERENCE_GENERATOR`.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns a generator in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network (named where it is known), where its config and the one given
 *   differ (each difference named), and one error with every missing, unused and misshapen name.
 * @example
 * const net = await loadReferenceGenerator('generator.safetensors');
 */
export async function loadReferenceGenerator(
  source: ByteInput,
  options: LoadReferenceGeneratorOptions = {},
): Promise<ReferenceGenerator> {
  const where = 'loadReferenceGenerator';
  const { state, metadata, sha256 } = await readWeights(source, { prefix: options.prefix, preferred: 'state_dict' });
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  if (!state.has(MARK)) {
    const known = identifyNetwork(shapes);
    const some = [...state.keys()].slice(0, 3).join(', ');
    const got = known ? `those of ${known.title}` : `${state.size} names, ${some}, …`;
    fail(Error, where, 'the file', 'one with the parameters of a reference-attention generator', got);
  }
  const net = new ReferenceGenerator(agreedConfig(where, metadata[METADATA], { given: options.config, shapes }), {
    seed: 0,
  });
  try {
    net.eval().loadStateDict(state, { where });
    net.weightsHash = sha256;
    if (metadata.crop !== undefined) net.crop = cropOf(where, metadata.crop);
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

type ConfigSources = { given: ReferenceGeneratorConfig | undefined; shapes: Map<string, number[]> };

function agreedConfig(where: string, text: string | undefined, { given, shapes }: ConfigSources) {
  if (given !== undefined) assertReferenceGeneratorConfig(where, given);
  if (text === undefined) return given ?? assertReferenceGeneratorConfig(where, configOf(shapes));
  const stored = assertReferenceGeneratorConfig(where, parse(where, text));
  const keys = Object.keys(stored) as (keyof ReferenceGeneratorConfig)[];
  const differing = given ? keys.filter((key) => stored[key] !== given[key]) : [];
  if (differing.length > 0) fail(Error, where, 'options.config', "the file's", `another ${differing.join(', ')}`);
  return stored;
}

function parse(where: string, text: string, name = METADATA): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(Error, where, `the file's ${name} metadata`, 'JSON', text);
  }
}

function cropOf(where: string, text: string): StoredCrop {
  const crop = parse(where, text, 'crop') as StoredCrop | null;
  if (typeof crop?.kind !== 'string') fail(Error, where, "the file's crop metadata", 'that of a crop', text);
  return crop as StoredCrop;
}

/** The configuration that the shapes of a state dict imply. */
function configOf(shapes: Map<string, number[]>): ReferenceGeneratorConfig {
  const side = (name: string, axis: number): number => shapes.get(`${name}.weight`)?.[axis] ?? Number.NaN;
  const width = side('identity_encoder.0.0.conv_block.0', 0);
  const size = 32 * side('identity_encoder.6.0.conv_block.0', 2);
  const audioSkips = shapes.has('decoder.audio_maps.0.0.conv_block.0.weight');
  // The first stage, counted from full size, whose convolution takes more than the stage before it and the audio.
  const skipped = Array.from({ length: 6 }, (_, stage) => {
    const channels = width * 2 ** stage;
    const before = width * 2 ** Math.min(stage + 1, 5);
    const audio = audioSkips ? Math.max(1, channels >> 1) : 0;
    return side(`decoder.stages.${stage}.0.conv_block.0`, 1) > before + audio;
  }).indexOf(true);
  return {
    ...REFERENCE_GENERATOR,
    width,
    size,
    coordinates: side('audio_encoder.0.conv_block.0', 1) === 3,
    audioSkips,
    maskHead: shapes.has('decoder.mask_head.1.weight'),
    largestSkip: skipped < 0 ? 0 : size / 2 ** skipped,
  };
}
