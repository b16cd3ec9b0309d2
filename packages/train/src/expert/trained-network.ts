import { AVAlignNet, type AVAlignNetConfig, LITE, recipeOf, weightsMetadata } from '@lipsync/avalignnet';
import type { SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import {
  DinetSyncNet,
  dinetRecipe,
  LATENTSYNC_WAV2LIP_RECIPE,
  LatentSyncWav2LipSyncNet,
  SYNCNET_RECIPE,
  SyncNet,
  type SyncNetwork,
  WAV2LIP_RECIPE,
  Wav2LipSyncNet,
} from '@lipsync/syncnet';
import type { SyncModel } from '../step/batch-gradients';

/** An expert that can be trained. */
export type TrainedNetwork = SyncModel & SyncExpert;

export type NetworkChoice = {
  /** Default `avalignnet`. */
  network?: TrainedNetworkName;
  /** Configuration of AVAlignNet. Default `LITE`. */
  config?: AVAlignNetConfig;
  /** Of the other networks: their channels as a share of the published ones. Default 1. */
  width?: number;
  /** How the input is prepared. Default the network's own, as loud as the preset says. */
  recipe?: SyncRecipe;
};

/**
 * The networks that are trained from prepared clips; `dinet`, DINet's own sync network, from clips that hold a speech
 * recogniser's logits.
 */
export const TRAINED_NETWORKS = ['avalignnet', 'syncnet', 'wav2lip', 'latentsync', 'dinet'] as const;
/** Names of `TRAINED_NETWORKS`. */
export type TrainedNetworkName = (typeof TRAINED_NETWORKS)[number];

const PUBLISHED: Readonly<
  Record<
    Exclude<TrainedNetworkName, 'avalignnet'>,
    { make(options: { seed: number; width?: number; recipe: SyncRecipe }): SyncNetwork; recipe: SyncRecipe }
  >
> = {
  syncnet: { make: (options) => new SyncNet(options), recipe: SYNCNET_RECIPE },
  wav2lip: { make: (options) => new Wav2LipSyncNet(options), recipe: WAV2LIP_RECIPE },
  latentsync: { make: (options) => new LatentSyncWav2LipSyncNet(options), recipe: LATENTSYNC_WAV2LIP_RECIPE },
  dinet: {
    make: ({ width = 1, ...options }) =>
      new DinetSyncNet({ ...options, channels: Math.max(1, Math.round(128 * width)) }),
    recipe: dinetRecipe(),
  },
};

/**
 * How a network's input is prepared: the given recipe, else the network's own.
 *
 * @example
 * import { recipeFor } from '@lipsync/train';
 * recipeFor({ network: 'wav2lip' }).frameCount; // 5
 */
export function recipeFor({ network = 'avalignnet', config = LITE, recipe }: NetworkChoice): SyncRecipe {
  return recipe ?? (network === 'avalignnet' ? recipeOf(config) : PUBLISHED[network].recipe);
}

/**
 * A new network with random weights, in evaluation mode. The caller disposes it.
 *
 * @example
 * import { buildNetwork } from '@lipsync/train';
 * const net = buildNetwork({ network: 'syncnet', width: 0.25 }, 0);
 * net.dispose();
 */
export function buildNetwork(choice: NetworkChoice, seed: number): TrainedNetwork {
  const { network = 'avalignnet', config = LITE, width } = choice;
  const recipe = recipeFor(choice);
  if (network === 'avalignnet') return new AVAlignNet(config, { seed, recipe });
  return PUBLISHED[network].make({ seed, width, recipe });
}

/** The metadata of a weights file, by which the network loads again. */
export function metadataOf(net: TrainedNetwork): Record<string, string> {
  return net instanceof AVAlignNet
    ? weightsMetadata(net)
    : { network: (net as SyncNetwork).name, recipe: JSON.stringify(net.recipe) };
}
