import { type ByteInput, encodeSafetensors, identifyNetwork, readWeights } from '@lipsync/checkpoints';
import { fail, type StoredCrop, storedShape } from '@lipsync/contracts';
import { assertWav2LipConfig, type Wav2LipConfig } from '../network/config';
import { HALVINGS } from '../network/encoders';
import { Wav2LipGenerator } from '../network/generator';

/** Where Wav2Lip's training writes the state dict. */
const PUBLISHED_DICT = 'state_dict';

/** The face images of the published weights: S3FD's box of the face. */
const PUBLISHED_CROP: StoredCrop = { kind: 'face box', size: 96, rows: 'all' };

export type LoadWav2LipOptions = {
  /** Where mel windows begin, see `Wav2LipConfig`. Default: as the file says, else `as trained`. */
  audioWindow?: Wav2LipConfig['audioWindow'];
  /** The dict of a file that holds several, as in `readStateDict`. Default `state_dict` where the file has it. */
  prefix?: string;
};

/**
 * The metadata of a generator's file: `wav2lip`, its config as JSON; `crop`, the face images that it was trained with,
 * where that is known; and `format`, which other readers of safetensors ask for.
 *
 * @example
 * const bytes = encodeSafetensors(await average.stateDict(), wav2lipMetadata(net)); // of @lipsync/checkpoints
 */
export function wav2lipMetadata(net: Pick<Wav2LipGenerator, 'config' | 'crop'>): Record<string, string> {
  const crop = net.crop && { crop: JSON.stringify(net.crop) };
  return { format: 'pt', wav2lip: JSON.stringify(net.config), ...crop };
}

/**
 * A generator as the bytes of a safetensors file: float32 weights under the published names, its config in the
 * metadata; `loadWav2Lip` reads it.
 *
 * @param metadata more texts for the header; those of `wav2lipMetadata` win. Default none.
 * @example
 * const bytes = await saveWav2Lip(net);
 * await writeFileAtomic('generator.safetensors', bytes); // of @lipsync/checkpoints
 */
export async function saveWav2Lip(net: Wav2LipGenerator, metadata: Record<string, string> = {}): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), { ...metadata, ...wav2lipMetadata(net) });
}

/**
 * Builds the generator of a weights file: ours (safetensors), or PyTorch's as Wav2Lip's training writes it
 * (`wav2lip.pth`, `wav2lip_gan.pth`: `{ state_dict, optimizer, global_step, global_epoch }`, with or without `module.`
 * before every name) or as a state dict alone. Shapes tell width and size where the file does not.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns a generator in evaluation mode, `weightsHash` set, and `crop`: the file's, of PyTorch's the published one.
 *   The caller disposes it.
 * @throws Error where the file belongs to another network (named where it is known), and one error with every missing,
 *   unused and misshapen name.
 * @example
 * const net = await loadWav2Lip('wav2lip_gan.pth');
 */
export async function loadWav2Lip(source: ByteInput, options: LoadWav2LipOptions = {}): Promise<Wav2LipGenerator> {
  const where = 'loadWav2Lip';
  const { prefix, audioWindow } = options;
  const { state, metadata, sha256 } = await readWeights(source, { prefix, preferred: PUBLISHED_DICT });
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  const known = identifyNetwork(shapes);
  if (known?.name !== 'wav2lip-generator') {
    const some = [...state.keys()].slice(0, 3).join(', ');
    const got = known ? `those of ${known.title}` : `${state.size} names, ${some}, …`;
    fail(Error, where, 'the file', "one with the parameters of Wav2Lip's generator", got);
  }
  const stored = metadata.wav2lip;
  const config = stored === undefined ? configOf(shapes) : assertWav2LipConfig(where, parse(where, 'wav2lip', stored));
  const net = new Wav2LipGenerator(audioWindow === undefined ? config : { ...config, audioWindow }, { seed: 0 });
  try {
    net.eval().loadStateDict(state, { where });
    net.weightsHash = sha256;
    if (metadata.crop !== undefined) net.crop = cropOf(where, metadata.crop);
    else if (stored === undefined) net.crop = PUBLISHED_CROP;
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

function parse(where: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(Error, where, `the file's ${name} metadata`, 'JSON', text);
  }
}

/** The crop of a file's metadata. */
function cropOf(where: string, text: string): StoredCrop {
  const crop = parse(where, 'crop', text) as StoredCrop;
  const kinds = ['face box', 'dinet head'];
  const { height, width } = kinds.includes(crop?.kind) ? storedShape(crop) : { height: 0, width: 0 };
  if (!(height > 0 && width > 0)) fail(Error, where, "the file's crop metadata", `one of ${kinds.join(', ')}`, text);
  return crop;
}

/** The configuration that the shapes of a state dict imply. */
function configOf(shapes: Map<string, number[]>): Wav2LipConfig {
  const side = (name: string, axis: number): number => shapes.get(name)?.[axis] ?? Number.NaN;
  const widest = side('face_encoder_blocks.6.1.conv_block.0.weight', 0);
  const end = side('face_encoder_blocks.6.0.conv_block.0.weight', 2);
  return assertWav2LipConfig('loadWav2Lip', {
    ...{ width: widest / 512, size: end * 2 ** HALVINGS },
    audioWindow: 'as trained',
  });
}
