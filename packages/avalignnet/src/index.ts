export { melSteps as melStepsOf } from '@lipsync/contracts';
export { AVAlignNet } from './avalignnet';
export type { AVAlignNetOptions } from './avalignnet';
export { balancedCrossEntropy } from './balanced-cross-entropy';
export type { BalancedCrossEntropyOptions } from './balanced-cross-entropy';
export type { ReplicaExchange, SyncModel } from './batch-gradients';
export { binaryCrossEntropy, pairCosine } from './binary-cross-entropy';
export { CONFIGURATIONS, LITE, lite, thesis } from './config';
export type {
  AVAlignNetConfig,
  DownsampleFactor,
  InputSize,
  LiteOptions,
  ThesisOptions,
  TowerConfig,
} from './config';
export { ContrastiveTemperature, contrastiveLoss } from './contrastive-loss';
export type { ContrastiveLossOptions } from './contrastive-loss';
export { SyncEvaluation, balancedAccuracy, bestThreshold, rocAuc } from './evaluation';
export type { PairScores, SyncAccuracy, SyncReport } from './evaluation';
export { countParameters, parameterShapes } from './parameter-shapes';
export { contrastLoss, pairLoss, rampedWeight } from './sync-loss';
export type {
  ContrastLossOptions,
  RampOptions,
  SyncBatch,
  SyncEmbeddings,
  SyncLoss,
  SyncLossParts,
} from './sync-loss';
export { assertConfig, towerSizes } from './tower-sizes';
export type { MapSize } from './tower-sizes';
export { trainStep, trainedParameters } from './train-step';
export type { TrainStepOptions, TrainStepResult } from './train-step';
export { loadAVAlignNet, saveAVAlignNet, weightsMetadata } from './weights';
export type { LoadOptions } from './weights';
