import { AVAlignNet, type AVAlignNetConfig, LITE, weightsMetadata } from '@lipsync/avalignnet';
import { fail, type SyncRecipe } from '@lipsync/contracts';
import type { SyncExpert } from '@lipsync/contracts/tensors';
import {
  LATENTSYNC_WAV2LIP_RECIPE,
  LatentSyncWav2LipSyncNet,
  SYNCNET_RECIPE,
  SyncNet,
  type SyncNetwork,
  WAV2LIP_RECIPE,
  Wav2LipSyncNet,
} from '@lipsync/syncnet';
import type { SyncModel } from '../step/batch-gradients';

/** A network that is trained here: an expert that can be trained. */
export type TrainedNetwork = SyncModel & SyncExpert;

export type NetworkChoice = {
  /** Default `avalignnet`. */
  network?: TrainedNetworkName;
  /** Of AVAlignNet. Default `LITE`. */
  config?: AVAlignNetConfig;
  /** Share of the published numbers of channels, of the others. Default 1. */
  width?: number;
  /** How the input is prepared. Default the network's own. */
  recipe?: SyncRecipe;
};

/** What may be trained from prepared clips; DINet's network needs a speech recogniser's logits, which clips do not hold. */
export const TRAINED_NETWORKS = ['avalignnet', 'syncnet', 'wav2lip', 'latentsync'] as const;
export type TrainedNetworkName = (typeof TRAINED_NETWORKS)[number];

const PUBLISHED = {
  syncnet: { make: SyncNet, recipe: SYNCNET_RECIPE },
  wav2lip: { make: Wav2LipSyncNet, recipe: WAV2LIP_RECIPE },
  latentsync: { make: LatentSyncWav2LipSyncNet, recipe: LATENTSYNC_WAV2LIP_RECIPE },
} as const;

/** The recipe of a network that looks at a similarity crop, as `LITE` does. */
export function recipeOf(config: AVAlignNetConfig): SyncRecipe {
  const { frameCount, height, width, featureSteps } = config.input;
  if (height !== width) fail(RangeError, 'recipeOf', 'config.input', 'square', `${height} x ${width}`);
  return {
    frameCount,
    fps: 25,
    crop: {
      kind: 'similarity',
      centre: 'mean 48-67',
      upright: 'eye centres',
      side: 1.18,
      size: height,
      window: 'clip median',
    },
    color: 'RGB',
    range: [-1, 1],
    features: 'THESIS_MEL',
    featureSteps,
  };
}

/** How a network's input is prepared: as was asked for, else as its publisher did. */
export function recipeFor({ network = 'avalignnet', config = LITE, recipe }: NetworkChoice): SyncRecipe {
  return recipe ?? (network === 'avalignnet' ? recipeOf(config) : PUBLISHED[network].recipe);
}

/** A new network. The caller disposes it. */
export function buildNetwork(choice: NetworkChoice, seed: number): TrainedNetwork {
  const { network = 'avalignnet', config = LITE, width } = choice;
  const recipe = recipeFor(choice);
  if (network === 'avalignnet') return new AVAlignNet(config, { seed, recipe });
  return new PUBLISHED[network].make({ seed, width, recipe });
}

/** What a weights file says of its network, so that it loads again. */
export function metadataOf(net: TrainedNetwork): Record<string, string> {
  return net instanceof AVAlignNet
    ? weightsMetadata(net)
    : { network: (net as SyncNetwork).name, recipe: JSON.stringify(net.recipe) };
}
