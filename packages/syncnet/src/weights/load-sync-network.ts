import {
  type ByteInput,
  encodeSafetensors,
  identifyNetwork,
  type NamedArray,
  readWeights,
  type WeightsFile,
} from '@lipsync/checkpoints';
import { agreeOnRecipe, calibrationText, fail, readCalibration, type SyncRecipe } from '@lipsync/contracts';
import { DinetSyncNet } from '../network/dinet-syncnet';
import type { SyncNetwork } from '../network/sync-network';
import { SyncNet } from '../network/syncnet';
import { LatentSyncWav2LipSyncNet, Wav2LipSyncNet } from '../network/wav2lip-syncnet';

/**
 * The networks of this package by their short names: the parameter that identifies a state dict (`sign`), the one whose
 * first side is the width (`out`), that side in the published network (`full`), and the class.
 */
const SYNC_NETWORKS = {
  syncnet: { sign: 'netcnnlip.0.weight', out: 'netfclip.3.weight', full: 1024, make: SyncNet },
  wav2lip: {
    sign: 'face_encoder.0.conv_block.0.weight',
    out: 'audio_encoder.13.conv_block.0.weight',
    full: 512,
    make: Wav2LipSyncNet,
  },
  latentsync: {
    sign: 'visual_encoder.0.conv_block.0.weight',
    out: 'audio_encoder.16.conv_block.0.weight',
    full: 1024,
    make: LatentSyncWav2LipSyncNet,
  },
  dinet: { sign: 'merge_encoder.0.weight', out: 'merge_encoder.0.weight', full: 128, make: DinetSyncNet },
} as const;

/** Short names of the networks of this package. */
export type SyncNetworkName = keyof typeof SYNC_NETWORKS;

export type LoadSyncNetworkOptions = {
  /** How the input is prepared, where the file does not say; must agree where it does. Default: the published network's. */
  recipe?: SyncRecipe;
  /** The dict of a file that holds several, as in `readStateDict`. */
  prefix?: string;
};

/**
 * Which network a state dict belongs to, by its names; undefined where it is none of this package.
 *
 * @example
 * syncNetworkOf(['netcnnlip.0.weight', 'netfclip.3.weight']); // 'syncnet'
 */
export function syncNetworkOf(names: Iterable<string>): SyncNetworkName | undefined {
  const known = new Set(names);
  return (Object.keys(SYNC_NETWORKS) as SyncNetworkName[]).find(
    (name) => known.has(SYNC_NETWORKS[name].sign) && known.has(SYNC_NETWORKS[name].out),
  );
}

/**
 * Builds the network of a weights file: SyncNet's `syncnet_v2.model`, Wav2Lip's `lipsync_expert.pth`, LatentSync's,
 * DINet's `syncnet_256mouth.pth`, or one saved by `saveSyncNetwork`. Names and shapes tell which network it is, and its
 * width.
 *
 * @param source path (Node), URL, Blob or bytes; PyTorch's formats or safetensors.
 * @returns the network in evaluation mode, `weightsHash` and, where the file has one, `calibration` set. The caller
 *   disposes it.
 * @throws Error where the file belongs to another network, or with every missing, unused and misshapen name.
 * @example
 * const expert = await loadSyncNetwork('syncnet_v2.model');
 */
export async function loadSyncNetwork(source: ByteInput, options: LoadSyncNetworkOptions = {}): Promise<SyncNetwork> {
  const where = 'loadSyncNetwork';
  const file = await readWeights(source, { prefix: options.prefix });
  const name = syncNetworkOf(file.state.keys()) ?? refuse(where, file);
  const calibration = readCalibration(where, file.metadata.calibration);
  const net = build(name, file.state, agreeOnRecipe(where, file.metadata.recipe, options.recipe));
  try {
    net.loadStateDict(withCounters(net, file.state), { where: `${where}: ${file.name}` });
    net.weightsHash = file.sha256;
    net.calibration = calibration;
  } catch (error) {
    net.dispose();
    throw error;
  }
  return net;
}

function refuse(where: string, { name, state }: WeightsFile): never {
  const known = identifyNetwork(new Map([...state].map(([key, { shape }]) => [key, shape])))?.title;
  const some = [...state.keys()].slice(0, 3).join(', ');
  const got = known ? `that of ${known}` : `one with ${some || 'nothing'}`;
  return fail(Error, where, name, `the state dict of ${Object.keys(SYNC_NETWORKS).join(', ')}`, got);
}

/**
 * How wide a network of this package is, by the shapes of its weights: its channels as a share of the published ones.
 *
 * @throws TypeError for a state dict of another network.
 * @example
 * import { readWeights } from '@lipsync/checkpoints';
 * import { widthOf } from '@lipsync/syncnet';
 * widthOf('syncnet', (await readWeights('syncnet_v2.model')).state); // 1
 */
export function widthOf(name: SyncNetworkName, state: ReadonlyMap<string, Pick<NamedArray, 'shape'>>): number {
  const { out, full } = SYNC_NETWORKS[name];
  const found = state.get(out) ?? fail(TypeError, 'widthOf', 'state', `that of ${name}, with ${out}`, 'another');
  return found.shape[0] / full;
}

function build(name: SyncNetworkName, state: Map<string, NamedArray>, recipe: SyncRecipe | undefined): SyncNetwork {
  const width = widthOf(name, state);
  if (name === 'dinet') return new DinetSyncNet({ seed: 0, channels: width * SYNC_NETWORKS.dinet.full, recipe });
  return new SYNC_NETWORKS[name].make({ seed: 0, width, recipe });
}

/** Adds `num_batches_tracked`, which files of 2017 do not have: PyTorch counts batches since 0.4. */
function withCounters(net: SyncNetwork, state: Map<string, NamedArray>): Map<string, NamedArray> {
  const all = new Map(state);
  for (const name of net.namedBuffers().keys()) {
    if (name.endsWith('num_batches_tracked') && !all.has(name)) {
      all.set(name, { dtype: 'int64', shape: [], data: new BigInt64Array(1) });
    }
  }
  return all;
}

/**
 * A network as the bytes of a safetensors file, its name, recipe and calibration in the metadata; `loadSyncNetwork` reads it.
 *
 * @example
 * const bytes = await saveSyncNetwork(net);
 * await writeFileAtomic('expert.safetensors', bytes); // of @lipsync/checkpoints
 */
export async function saveSyncNetwork(net: SyncNetwork): Promise<Uint8Array> {
  const { name, recipe, calibration } = net;
  return encodeSafetensors(await net.stateDict(), {
    network: name,
    recipe: JSON.stringify(recipe),
    ...(calibration ? { calibration: calibrationText(calibration) } : {}),
  });
}
