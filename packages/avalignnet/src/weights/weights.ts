import { type ByteInput, encodeSafetensors, readWeights } from '@lipsync/checkpoints';
import type { SyncRecipe } from '@lipsync/contracts';
import { agreeOnRecipe, calibrationText, fail, frameShape, readCalibration } from '@lipsync/contracts';
import { AVAlignNet, type FrameEncoder } from '../network/avalignnet';
import {
  type AVAlignNetConfig,
  channelsPerFrame,
  completeTower,
  type InputSize,
  type TowerConfig,
} from '../network/config';
import { publishedConfig } from '../network/published-config';
import { assertRecipeFits, isStableSyncNet, recipeOf } from '../network/recipe-of';
import { assertConfig } from '../network/tower-sizes';

/**
 * A network as the bytes of a safetensors file: float32 weights under the published names, and as metadata `config`
 * (the two tower sections as JSON), `input` (the input size as JSON) and, where the network has them, `recipe` and
 * `calibration` (JSON).
 *
 * @returns bytes that `loadAVAlignNet` and PyTorch's safetensors read.
 * @example
 * const bytes = await saveAVAlignNet(net);
 * await writeFileAtomic('net.safetensors', bytes); // of @lipsync/checkpoints
 */
export async function saveAVAlignNet(net: AVAlignNet): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), weightsMetadata(net));
}

/**
 * The metadata of `saveAVAlignNet`, for files with more tensors in them, such as averaged weights.
 *
 * @example
 * const bytes = encodeSafetensors(await average.stateDict(), weightsMetadata(net));
 */
export function weightsMetadata(net: AVAlignNet): Record<string, string> {
  const { visual_encoder, audio_encoder, input } = net.config;
  return {
    format: 'pt',
    config: JSON.stringify({
      visual_encoder: completeTower(visual_encoder),
      audio_encoder: completeTower(audio_encoder),
    }),
    input: JSON.stringify(input),
    ...(net.hasRecipe ? { recipe: JSON.stringify(net.recipe) } : {}),
    ...(net.calibration ? { calibration: calibrationText(net.calibration) } : {}),
  };
}

export type LoadAVAlignNetOptions = {
  /**
   * How the input is prepared; must agree with the file's recipe where the file has one. Default: the file's, for
   * StableSyncNet its own.
   */
  recipe?: SyncRecipe;
  /**
   * For files without `config` metadata, such as PyTorch's; must agree with it where it is there. Default: that of a
   * StableSyncNet, by its shapes.
   */
  config?: AVAlignNetConfig;
  /** Turns frames into latents, for `syncnet_16_latent`. Default none. */
  encoder?: FrameEncoder;
  /** The dict of a file that holds several, as in `readStateDict`. */
  prefix?: string;
};

/**
 * Builds the network of a weights file: ours (`saveAVAlignNet`), any safetensors file, or PyTorch's formats.
 * Half-precision weights are widened to float32.
 *
 * The configuration comes from the file's metadata, else from `options.config`, else from the shapes, which identify a
 * published StableSyncNet. The input size comes from the file's `input`, else from `options.config`, else from the
 * recipe. Networks other than StableSyncNet work without a recipe too, but reading their `recipe` throws.
 *
 * @param source path (Node), URL, Blob or bytes; borrowed.
 * @returns a network in evaluation mode, `weightsHash` and, where the file has one, `calibration` set. The caller
 *   disposes it.
 * @throws Error where file and options contradict each other (each difference named), where neither gives the
 *   configuration, and one error with every missing, unused and misshapen name where the weights are another network's.
 * @example
 * const expert = await loadAVAlignNet('stable_syncnet.pt');
 */
export async function loadAVAlignNet(source: ByteInput, options: LoadAVAlignNetOptions = {}): Promise<AVAlignNet> {
  const where = 'loadAVAlignNet';
  const { encoder, prefix } = options;
  const { name, state, metadata, sha256 } = await readWeights(source, { prefix });
  const given = agreeOnRecipe(where, metadata.recipe, options.recipe);
  const calibration = readCalibration(where, metadata.calibration);
  const shapes = new Map([...state].map(([name, { shape }]) => [name, shape]));
  const config = agreedConfig(where, { metadata, shapes, given: options.config, recipe: given });
  const recipe = given ?? knownRecipe(config, encoder);
  if (recipe) assertRecipeFits(where, config, recipe, encoder !== undefined);
  const net = new AVAlignNet(config, { seed: 0, recipe, encoder });
  try {
    net.loadStateDict(state, { where: `${where}: ${name}` });
    net.weightsHash = sha256;
    net.calibration = calibration;
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

/**
 * StableSyncNet's input tells its recipe; one of latents has none without an encoder. Square frames may come from
 * several crops.
 */
function knownRecipe(config: AVAlignNetConfig, encoder: FrameEncoder | undefined): SyncRecipe | undefined {
  return isStableSyncNet(config) && (channelsPerFrame(config) === 3 || encoder) ? recipeOf(config) : undefined;
}

type ConfigSources = {
  metadata: Record<string, string>;
  shapes: Map<string, number[]>;
  given: AVAlignNetConfig | undefined;
  recipe: SyncRecipe | undefined;
};

function agreedConfig(where: string, { metadata, shapes, given, recipe }: ConfigSources): AVAlignNetConfig {
  if (metadata.config === undefined) {
    const config = given ?? publishedConfig(shapes);
    if (config) return config;
    const rule = 'one with config metadata or a published StableSyncNet, or options.config given';
    return fail(Error, where, 'the file', rule, 'neither');
  }
  const towers = parse(where, 'config', metadata.config) as AVAlignNetConfig;
  const size = metadata.input === undefined ? undefined : (parse(where, 'input', metadata.input) as InputSize);
  const input = size ?? towers.input ?? given?.input ?? inputOf(recipe);
  if (input === undefined) {
    const rule = 'in the file (input metadata), in options.config or in a recipe';
    fail(Error, where, 'the input size', rule, 'in none of them');
  }
  const { visual_encoder, audio_encoder } = towers;
  const config = assertConfig(where, { visual_encoder, audio_encoder, input });
  if (given !== undefined) {
    const differences = configDifferences(config, assertConfig(where, given));
    if (differences.length > 0) fail(Error, where, 'options.config', "the file's", `another ${differences.join(', ')}`);
  }
  return config;
}

function inputOf(recipe: SyncRecipe | undefined): InputSize | undefined {
  return recipe && { ...frameShape(recipe.crop), frameCount: recipe.frameCount, featureSteps: recipe.featureSteps };
}

function configDifferences(a: AVAlignNetConfig, b: AVAlignNetConfig): string[] {
  const differences: string[] = [];
  for (const name of ['visual_encoder', 'audio_encoder'] as const) {
    const [left, right] = [completeTower(a[name]), completeTower(b[name])];
    for (const key of Object.keys(left) as (keyof TowerConfig)[]) {
      // Dropout is a setting of training, not of the network.
      if (key === 'dropout' || JSON.stringify(left[key]) === JSON.stringify(right[key])) continue;
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
