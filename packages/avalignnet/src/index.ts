export type { BalancedCrossEntropyOptions } from './losses/balanced-cross-entropy';
export { balancedCrossEntropy } from './losses/balanced-cross-entropy';
export { binaryCrossEntropy, pairCosine } from './losses/binary-cross-entropy';
export type { ContrastiveLossOptions } from './losses/contrastive-loss';
export { ContrastiveTemperature, contrastiveLoss } from './losses/contrastive-loss';
export type {
  ContrastLossOptions,
  RampOptions,
  SyncBatch,
  SyncEmbeddings,
  SyncLoss,
  SyncLossParts,
} from './losses/sync-loss';
export { contrastLoss, pairLoss, rampedWeight } from './losses/sync-loss';
export type { AVAlignNetOptions } from './network/avalignnet';
export { AVAlignNet } from './network/avalignnet';
export type {
  AVAlignNetConfig,
  DownsampleFactor,
  InputSize,
  LiteOptions,
  ThesisOptions,
  TowerConfig,
} from './network/config';
export { CONFIGURATIONS, LITE, lite, thesis } from './network/config';
export { countParameters, parameterShapes } from './network/parameter-shapes';
export type { MapSize } from './network/tower-sizes';
export { assertConfig, towerSizes } from './network/tower-sizes';
export type { LoadOptions } from './weights/weights';
export { loadAVAlignNet, saveAVAlignNet, weightsMetadata } from './weights/weights';
