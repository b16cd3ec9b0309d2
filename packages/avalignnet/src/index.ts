export type { BalancedCrossEntropyOptions } from './losses/balanced-cross-entropy';
export { balancedCrossEntropy } from './losses/balanced-cross-entropy';
export { binaryCrossEntropy, pairCosine } from './losses/binary-cross-entropy';
export type { ContrastiveLossOptions } from './losses/contrastive-loss';
export { ContrastiveTemperature, contrastiveLoss } from './losses/contrastive-loss';
export type {
  ContrastLossOptions,
  ExpertBatch,
  ExpertLoss,
  ExpertLossParts,
  RampOptions,
  SyncEmbeddings,
} from './losses/expert-loss';
export { contrastLoss, pairLoss, rampedWeight } from './losses/expert-loss';
export type { GeneratorSyncExpert, GeneratorSyncLossOptions } from './losses/generator-sync-loss';
export { assertGeneratorExpert, generatorSyncLoss } from './losses/generator-sync-loss';
export type { FramesSyncLoss } from './losses/sync-loss';
export { mouthBatch, syncLoss } from './losses/sync-loss';
export type { AVAlignNetOptions, FrameEncoder } from './network/avalignnet';
export { AVAlignNet } from './network/avalignnet';
export type { AVAlignNetConfig, DownsampleFactor, InputSize, TowerConfig } from './network/config';
export type { LiteOptions, ThesisOptions } from './network/configurations';
export { CONFIGURATIONS, LITE, lite, thesis } from './network/configurations';
export { countParameters, parameterShapes } from './network/parameter-shapes';
export { recipeOf } from './network/recipe-of';
export type { MapSize } from './network/tower-sizes';
export { assertConfig, towerSizes } from './network/tower-sizes';
export type { LoadAVAlignNetOptions } from './weights/weights';
export { loadAVAlignNet, saveAVAlignNet, weightsMetadata } from './weights/weights';
