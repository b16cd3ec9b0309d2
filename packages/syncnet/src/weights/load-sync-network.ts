import {
  type ByteInput,
  encodeSafetensors,
  identifyNetwork,
  type NamedArray,
  openByteSource,
  readStateDict,
  sha256Hex,
} from '@lipsync/checkpoints';
import { agreeOnRecipe, fail, type SyncRecipe } from '@lipsync/contracts';
import { DinetSyncNet } from '../network/dinet-syncnet';
import type { SyncNetwork } from '../network/sync-network';
import { SyncNet } from '../network/syncnet';
import { LatentSyncWav2LipSyncNet, Wav2LipSyncNet } from '../network/wav2lip-syncnet';

/** The networks of this package by the names that commands and files use. */
export const SYNC_NETWORKS = {
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

export type SyncNetworkName = keyof typeof SYNC_NETWORKS;

export type LoadSyncNetworkOptions = {
  /** How the input is prepared, where the file does not say it; must agree where it does. Default that of the published network. */
  recipe?: SyncRecipe;
  /** The dict of a file that holds several, as in `readStateDict`. */
  prefix?: string;
};

/** Which network a state dict is of, by its names; undefined where it is none of this package. */
export function syncNetworkOf(names: Iterable<string>): SyncNetworkName | undefined {
  const known = new Set(names);
  return (Object.keys(SYNC_NETWORKS) as SyncNetworkName[]).find(
    (name) => known.has(SYNC_NETWORKS[name].sign) && known.has(SYNC_NETWORKS[name].out),
  );
}

/**
 * A network from its file: SyncNet's `syncnet_v2.model`, Wav2Lip's `lipsync_expert.pth`, LatentSync's, DINet's `syncnet_256mouth.pth`, or one
 * saved by `saveSyncNetwork`. Which one it is, and how wide, is read off the names and shapes.
 *
 * @param input a path (Node), address, Blob or bytes; PyTorch's formats or safetensors.
 * @returns the network in evaluation mode, `weightsHash` set. The caller disposes it.
 * @throws Error where the file is of another network, or with every missing, unused and misshapen name.
 * @example
 * const expert = await loadSyncNetwork('syncnet_v2.model');
 */
export async function loadSyncNetwork(
  input: ByteInput,
  { recipe, prefix }: LoadSyncNetworkOptions = {},
): Promise<SyncNetwork> {
  const where = 'loadSyncNetwork';
  const source = await openByteSource(input);
  try {
    const bytes = await source.read(0, source.size);
    const { state, metadata } = await readStateDict(bytes, { prefix });
    const name = syncNetworkOf(state.keys());
    if (name === undefined) {
      const known = identifyNetwork(new Map([...state].map(([key, { shape }]) => [key, shape])))?.title;
      const some = [...state.keys()].slice(0, 3).join(', ');
      const got = known ? `that of ${known}` : `one with ${some || 'nothing'}`;
      fail(Error, where, source.name, `the state dict of ${Object.keys(SYNC_NETWORKS).join(', ')}`, got);
    }
    const net = build(name, state, agreeOnRecipe(where, metadata.recipe, recipe));
    try {
      net.loadStateDict(withCounters(net, state), { where: `${where}: ${source.name}` });
      net.weightsHash = await sha256Hex(bytes);
    } catch (error) {
      net.dispose();
      throw error;
    }
    return net;
  } finally {
    await source.close();
  }
}

function build(name: SyncNetworkName, state: Map<string, NamedArray>, recipe: SyncRecipe | undefined): SyncNetwork {
  const { out, full } = SYNC_NETWORKS[name];
  const [channels] = (state.get(out) as NamedArray).shape;
  if (name === 'dinet') return new DinetSyncNet({ seed: 0, channels, recipe });
  return new SYNC_NETWORKS[name].make({ seed: 0, width: channels / full, recipe });
}

/** Files of 2017 have no `num_batches_tracked`: PyTorch counted from 0.4 on. */
function withCounters(net: SyncNetwork, state: Map<string, NamedArray>): Map<string, NamedArray> {
  const all = new Map(state);
  for (const name of net.namedBuffers().keys()) {
    if (name.endsWith('num_batches_tracked') && !all.has(name))
      all.set(name, { dtype: 'int64', shape: [], data: new BigInt64Array(1) });
  }
  return all;
}

/**
 * A network as a safetensors file, its recipe and name in the metadata; `loadSyncNetwork` reads it.
 *
 * @example
 * await writeFileAtomic('expert.safetensors', await saveSyncNetwork(net));
 */
export async function saveSyncNetwork(net: SyncNetwork): Promise<Uint8Array> {
  return encodeSafetensors(await net.stateDict(), { network: net.name, recipe: JSON.stringify(net.recipe) });
}
