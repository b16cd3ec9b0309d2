import { type ByteInput, encodeSafetensors, identifyNetwork, type NamedArray, readWeights } from '@lipsync/checkpoints';
import { fail } from '@lipsync/contracts';
import { AutoencoderKL } from '../network/autoencoder';
import { type AutoencoderConfig, assertAutoencoderConfig, SD_VAE } from '../network/config';

export type LoadAutoencoderOptions = {
  /** That of the file, or diffusers' `config.json` read as JSON. Default: the file's own, else by its shapes. */
  config?: AutoencoderConfig;
  /** The dict of a file that holds several, as in `readStateDict`. Default: the only one. */
  prefix?: string;
};

/** Names of the attention before diffusers 0.18, in which `sd-vae-ft-mse` is published, and those since. */
const EARLIER_NAMES: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/**
 * An autoencoder as the bytes of a safetensors file: float32 weights under diffusers' names, its config in the metadata.
 *
 * @param metadata more texts for the header, such as what it was trained on. Default none.
 * @example
 * await writeFileAtomic('vae.safetensors', await saveAutoencoder(net)); // of @lipsync/checkpoints
 */
export async function saveAutoencoder(net: AutoencoderKL, metadata: Record<string, string> = {}): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), {
    ...metadata,
    format: 'pt',
    autoencoder: JSON.stringify(net.config),
  });
}

/**
 * Builds the autoencoder of a weights file: ours, or diffusers' `diffusion_pytorch_model.safetensors` or `.bin` of
 * Stable Diffusion's VAE, with the attention's names before and since diffusers 0.18.
 *
 * Where neither the file nor `options.config` gives the configuration, it is that of the shapes, with 32 groups and the
 * scaling factor of Stable Diffusion, which leave no trace in them.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns an autoencoder in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file belongs to another network (named where it is known), and one error with every missing,
 *   unused and misshapen name.
 * @example
 * const vae = await loadAutoencoder('diffusion_pytorch_model.safetensors');
 */
export async function loadAutoencoder(
  source: ByteInput,
  { config, prefix }: LoadAutoencoderOptions = {},
): Promise<AutoencoderKL> {
  const where = 'loadAutoencoder';
  const { state: read, metadata, sha256 } = await readWeights(source, { prefix });
  const state = underPresentNames(read);
  if (!state.has('encoder.conv_in.weight') || !state.has('post_quant_conv.weight')) {
    const shapes = new Map([...read].map(([name, { shape }]) => [name, shape]));
    const got = identifyNetwork(shapes)?.title ?? `${read.size} names, ${[...read.keys()].slice(0, 3).join(', ')}, …`;
    fail(Error, where, 'the file', "one with the parameters of diffusers' AutoencoderKL", `those of ${got}`);
  }
  const net = new AutoencoderKL(config ?? storedConfig(where, metadata.autoencoder) ?? configOf(state), { seed: 0 });
  try {
    net.eval().loadStateDict(state, { where });
    net.weightsHash = sha256;
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

/** Renames the attention's parts where they have their earlier names; a 1 x 1 convolution becomes a linear layer. */
function underPresentNames(state: Map<string, NamedArray>): Map<string, NamedArray> {
  return new Map(
    [...state].map(([name, array]) => {
      const [, before, part, after] = /^(.*\.attentions\.\d+)\.(\w+)\.(weight|bias)$/.exec(name) ?? [];
      const present = part && EARLIER_NAMES[part];
      if (!present) return [name, array];
      const { shape } = array;
      const isPointwise = shape.length === 4 && shape[2] === 1 && shape[3] === 1;
      return [`${before}.${present}.${after}`, isPointwise ? { ...array, shape: shape.slice(0, 2) } : array];
    }),
  );
}

function storedConfig(where: string, text: string | undefined): AutoencoderConfig | undefined {
  if (text === undefined) return undefined;
  try {
    return assertAutoencoderConfig(where, JSON.parse(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fail(Error, where, "the file's autoencoder metadata", 'JSON', text);
  }
}

/** The sizes that the shapes of a state dict imply. */
function configOf(state: Map<string, NamedArray>): AutoencoderConfig {
  const side = (name: string, axis: number): number => state.get(name)?.shape[axis] ?? Number.NaN;
  const countOf = (nameAt: (index: number) => string): number => {
    let count = 0;
    while (state.has(nameAt(count))) count++;
    return count;
  };
  const levels = countOf((level) => `encoder.down_blocks.${level}.resnets.0.conv1.weight`);
  const channelsOf = (level: number) => side(`encoder.down_blocks.${level}.resnets.0.conv1.weight`, 0);
  return {
    ...SD_VAE,
    in_channels: side('encoder.conv_in.weight', 1),
    out_channels: side('decoder.conv_out.weight', 0),
    block_out_channels: Array.from({ length: levels }, (_, level) => channelsOf(level)),
    layers_per_block: countOf((layer) => `encoder.down_blocks.0.resnets.${layer}.conv1.weight`),
    latent_channels: side('post_quant_conv.weight', 0),
  };
}
