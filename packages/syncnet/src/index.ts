export type { DistanceLossParts } from './losses/contrastive-distance-loss';
export { contrastiveDistanceLoss, pairDistance } from './losses/contrastive-distance-loss';
export { scoreMapLoss } from './losses/score-map-loss';
export type { DinetSyncNetOptions } from './network/dinet-syncnet';
export { DinetSyncNet, dinetRecipe } from './network/dinet-syncnet';
export { SyncNetwork } from './network/sync-network';
export type { SyncNetOptions } from './network/syncnet';
export { SYNCNET_RECIPE, SyncNet } from './network/syncnet';
export type { Wav2LipSyncNetOptions } from './network/wav2lip-syncnet';
export {
  LATENTSYNC_WAV2LIP_RECIPE,
  LatentSyncWav2LipSyncNet,
  WAV2LIP_RECIPE,
  Wav2LipSyncNet,
} from './network/wav2lip-syncnet';
export type { LoadSyncNetworkOptions, SyncNetworkName } from './weights/load-sync-network';
export { loadSyncNetwork, saveSyncNetwork, syncNetworkOf, widthOf } from './weights/load-sync-network';
