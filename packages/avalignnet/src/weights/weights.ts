import { decodeSafetensors, encodeSafetensors, sha256Hex } from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { agreeOnRecipe, fail } from '@lipsync/contracts';
import { AVAlignNet, assertRecipeFits } from '../network/avalignnet';
import type { AVAlignNetConfig, InputSize, TowerConfig } from '../network/config';
import { assertConfig } from '../network/tower-sizes';

/**
 * A network as the bytes of a safetensors file: float32 weights under the published names, and as metadata `config` (the two
 * tower sections as JSON), `input` (the input size as JSON) and, where the network has one, `recipe` (JSON).
 *
 * @returns bytes that `loadAVAlignNet` and PyTorch's safetensors read.
 * @example
 * await writeFileAtomic('net.safetensors', await saveAVAlignNet(net));
 */
export async function saveAVAlignNet(net: AVAlignNet): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), weightsMetadata(net));
}

/** The metadata of `saveAVAlignNet`, for files with more in them, such as averaged weights. */
export function weightsMetadata(net: AVAlignNet): Record<string, string> {
  const { visual_encoder, audio_encoder, input } = net.config;
  return {
    format: 'pt',
    config: JSON.stringify({ visual_encoder: complete(visual_encoder), audio_encoder: complete(audio_encoder) }),
    input: JSON.stringify(input),
    ...(net.hasRecipe ? { recipe: JSON.stringify(net.recipe) } : {}),
  };
}

/** A section with its optional keys written out, as other readers expect them. */
function complete(tower: TowerConfig): Required<TowerConfig> {
  const { in_channels, block_out_channels, downsample_factors, attn_blocks, dropout = 0 } = tower;
  return {
    in_channels,
    block_out_channels,
    downsample_factors,
    attn_blocks: attn_blocks ?? block_out_channels.map(() => 0),
    dropout,
  };
}

export type LoadOptions = {
  /** How the input is prepared; must agree with the file's recipe where the file has one. */
  recipe?: SyncRecipe;
  /** For files without `config` metadata; must agree with it where it is there. */
  config?: AVAlignNetConfig;
};

/**
 * Builds the network that a safetensors file holds. Half-precision weights are widened to float32.
 *
 * The input size comes from the file's `input`, else from `options.config`, else from the recipe. Without any recipe the network
 * works, but reading its `recipe` throws.
 *
 * @param bytes the whole file, borrowed.
 * @returns a network in evaluation mode, `weightsHash` the SHA-256 of `bytes`, hexadecimal. The caller disposes it.
 * @throws Error where file and options contradict each other (each difference named), where neither says what the network
 *   looks like, and one error with every missing, unused and misshapen name where the weights are another network's.
 * @example
 * const expert = await loadAVAlignNet(await readFile('net.safetensors'));
 */
export async function loadAVAlignNet(bytes: Uint8Array, options: LoadOptions = {}): Promise<AVAlignNet> {
  const where = 'loadAVAlignNet';
  const { tensors, metadata } = decodeSafetensors(bytes);
  const recipe = agreeOnRecipe(where, metadata.recipe, options.recipe);
  const config = agreedConfig(where, metadata, options.config, recipe);
  if (recipe) assertRecipeFits(where, config, recipe);
  const net = new AVAlignNet(config, { seed: 0, recipe });
  try {
    net.loadStateDict(tensors, { where });
    net.weightsHash = await sha256Hex(bytes);
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

function agreedConfig(
  where: string,
  metadata: Record<string, string>,
  given: AVAlignNetConfig | undefined,
  recipe: SyncRecipe | undefined,
): AVAlignNetConfig {
  if (metadata.config === undefined) {
    if (given === undefined)
      fail(Error, where, 'the file', 'one with config metadata, or options.config given', 'neither');
    return given;
  }
  const towers = parse(where, 'config', metadata.config) as AVAlignNetConfig;
  const size = metadata.input === undefined ? undefined : (parse(where, 'input', metadata.input) as InputSize);
  const input = size ?? towers.input ?? given?.input ?? inputOf(recipe);
  if (input === undefined) {
    fail(
      Error,
      where,
      'the input size',
      'in the file (input metadata), in options.config or in a recipe',
      'in none of them',
    );
  }
  const config = assertConfig(where, {
    visual_encoder: towers.visual_encoder,
    audio_encoder: towers.audio_encoder,
    input,
  });
  if (given !== undefined) {
    const differences = configDifferences(config, assertConfig(where, given));
    if (differences.length > 0) fail(Error, where, 'options.config', "the file's", `another ${differences.join(', ')}`);
  }
  return config;
}

function inputOf(recipe: SyncRecipe | undefined): InputSize | undefined {
  if (!recipe) return undefined;
  const { frameCount, featureSteps, crop } = recipe;
  return { frameCount, height: crop.size, width: crop.size, featureSteps };
}

function configDifferences(a: AVAlignNetConfig, b: AVAlignNetConfig): string[] {
  const differences: string[] = [];
  for (const name of ['visual_encoder', 'audio_encoder'] as const) {
    const [left, right] = [complete(a[name]), complete(b[name])];
    for (const key of Object.keys(left) as (keyof TowerConfig)[]) {
      // Dropout is a matter of training, not of which network it is.
      if (key !== 'dropout' && JSON.stringify(left[key]) !== JSON.stringify(right[key]))
        differences.push(`${name}.${key}`);
    }
  }
  for (const key of ['frameCount', 'height', 'width', 'featureSteps'] as const) {
    if (a.input[key] !== b.input[key]) differences.push(`input.${key}`);
  }
  return differences;
}

function parse(where: string, key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail(Error, where, `the file's ${key} metadata`, 'JSON', text);
  }
}
