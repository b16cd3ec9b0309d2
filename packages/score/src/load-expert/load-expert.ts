import { type AVAlignNetConfig, type LoadAVAlignNetOptions, loadAVAlignNet } from '@lipsync/avalignnet';
import { type ByteInput, type Checkpoint, identifyNetwork, openCheckpoint, stateDictNames } from '@lipsync/checkpoints';
import { fail, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import { loadSyncNetwork } from '@lipsync/syncnet';
import { type AssetOptions, assetFolder } from '../peers/asset-folder';
import { loadOnnx } from '../peers/optional-peers';
import { ensureBackend } from '../peers/start-backend';
import { findOnnxFiles } from './onnx-files';
import { assertPretrained, pretrainedWeights } from './pretrained-weights';

export type LoadExpertOptions = AssetOptions & {
  /**
   * How the network's input is prepared, where the file does not say. Default: the file's own, for published networks
   * their publisher's.
   */
  recipe?: SyncRecipe;
  /** Configuration of an AVAlignNet whose file has none, such as one saved by PyTorch. Default: the file's own. */
  config?: AVAlignNetConfig;
  /**
   * The dict to read from a file that holds several, such as `ema_state_dict` beside `model_state_dict`. Default: the
   * only one.
   */
  prefix?: string;
  /** What turns frames into latents, for networks that take latents. Default none. */
  encoder?: LoadAVAlignNetOptions['encoder'];
  /** Threads of onnxruntime, for ONNX files. Default: its own choice. */
  threads?: number;
  /** Gets lines such as which backend was selected. Default `console.warn`. */
  log?: (line: string) => void;
};

type Loader = (source: ByteInput, options: LoadExpertOptions) => Promise<SyncExpert>;

/** Which function loads which network, by the names of `identifyNetwork`. */
const LOADERS: Readonly<Record<string, Loader>> = {
  avalignnet: loadWithRecipe,
  syncnet: loadPublished,
  wav2lip: loadPublished,
  'latentsync-wav2lip': loadPublished,
  'dinet-syncnet': loadPublished,
};

/**
 * Loads a sync network from a weights file of any kind: AVAlignNet and StableSyncNet, SyncNet and the experts of
 * Wav2Lip, LatentSync and DINet in PyTorch or safetensors files, or an exported ONNX pair. The network is identified by
 * the names and shapes of its parameters.
 *
 * @param source path (Node), URL, Blob or bytes; of ONNX files the path of one of them (Node). Default: the weights of
 *   `@lipsync/pretrained`; in browsers its file is fetched from where the bundler put it.
 * @returns the expert, on the backend that is set; where none is, one is selected as by `scoreVideo`. The caller
 *   disposes it.
 * @throws TypeError where the file holds another kind of network, or does not say how its input is prepared and
 *   `options` do not either; Error where the file holds several state dicts to choose from, and where ONNX files need
 *   `@lipsync/onnx` and it is not installed.
 * @example
 * const pretrained = await loadExpert();
 * const published = await loadExpert('syncnet_v2.model');
 */
export async function loadExpert(source?: ByteInput, options: LoadExpertOptions = {}): Promise<SyncExpert> {
  const assets = assetFolder(options.assetsUrl);
  if (source === undefined) return assertPretrained(await loadExpert(await pretrainedWeights(assets), options));
  if (typeof source === 'string' && source.endsWith('.onnx')) {
    const { readOnnxExpert } = await loadOnnx();
    return readOnnxExpert(await findOnnxFiles(source), { threads: options.threads });
  }
  const file = await openCheckpoint(source);
  let names: Map<string, string>;
  try {
    names = namesIn(file, options.prefix);
  } finally {
    await file.close();
  }
  const network = identifyNetwork(new Map([...names].map(([name, at]) => [name, file.tensors.get(at)?.shape ?? []])));
  // The loader of AVAlignNet says best what is wrong with a file of no known network.
  const load = LOADERS[network?.name ?? 'avalignnet'];
  if (load) {
    await ensureBackend(options.log ?? ((line) => console.warn(line)), assets);
    return load(source, options);
  }
  const held = `${nameOf(source)}, which holds ${network?.title} (${network?.purpose})`;
  return fail(TypeError, 'loadExpert', 'source', 'the weights of a sync network', held);
}

/** The names of the state dict, with errors about our options. */
function namesIn(file: Checkpoint, prefix: string | undefined): Map<string, string> {
  try {
    return stateDictNames(file, prefix);
  } catch (error) {
    const kind = error instanceof RangeError ? RangeError : Error;
    const message = (error as Error).message.replace(/^stateDictNames: /, 'loadExpert: options.');
    throw new kind(message, { cause: error });
  }
}

function loadPublished(source: ByteInput, { recipe, prefix }: LoadExpertOptions): Promise<SyncExpert> {
  return loadSyncNetwork(source, { recipe, prefix });
}

async function loadWithRecipe(source: ByteInput, options: LoadExpertOptions): Promise<SyncExpert> {
  const { recipe, config, encoder, prefix } = options;
  const net = await loadAVAlignNet(source, { recipe, config, encoder, prefix });
  if (net.hasRecipe) return net;
  const { input, visual_encoder } = net.config;
  const channels = visual_encoder.in_channels / input.frameCount;
  net.dispose();
  if (channels !== 3 && encoder === undefined) {
    const rule = `given for ${nameOf(source)}, which takes latents of ${channels} channels: what encodes frames, such as LatentSync's VAE`;
    return fail(TypeError, 'loadExpert', 'options.encoder', rule, undefined);
  }
  const rule = `given for ${nameOf(source)}, whose metadata has none`;
  return fail(TypeError, 'loadExpert', 'options.recipe', rule, undefined);
}

function nameOf(source: ByteInput): string {
  return typeof source === 'string' ? source : source instanceof URL ? source.href : 'the weights given';
}
