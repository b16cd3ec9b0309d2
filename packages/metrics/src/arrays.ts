/** Metrics of arrays and numbers, which run no network. This entry does not load TensorFlow.js. */
export type { FrechetDistance } from './frechet/frechet-distance';
export { frechetDistance } from './frechet/frechet-distance';
export type { FrechetMoments } from './frechet/frechet-moments';
export { momentsFromArrays, momentsToArrays } from './frechet/frechet-moments';
export { FrechetStatistics } from './frechet/frechet-statistics';
export type { Image, ImageOptions, Quantise, ValueRange } from './image/image';
export type { LandmarkDistance, LandmarkDistanceOptions } from './image/landmark-distance';
export { LandmarkDistanceScorer, landmarkDistance } from './image/landmark-distance';
export type { LaplacianVarianceOptions } from './image/laplacian-variance';
export { LaplacianVarianceScorer, laplacianVariance } from './image/laplacian-variance';
export type { MaskedPsnrOptions, PixelMask, PsnrAverage, PsnrOptions } from './image/psnr';
export { MaskedPsnrScorer, maskedPsnr, PsnrScorer, psnr } from './image/psnr';
export type { SsimOptions, SsimVariant } from './image/ssim';
export { SsimScorer, ssim } from './image/ssim';
export type { PairScores, SyncAccuracy } from './pairs/accuracy';
export { balancedAccuracy, bestThreshold, rocAuc } from './pairs/accuracy';
export type { SyncReport } from './pairs/sync-evaluation';
export { SyncEvaluation } from './pairs/sync-evaluation';
export { describeOffset } from './sync/describe-offset';
export type { JointScorerOptions } from './sync/joint-scorer';
export { JointScorer } from './sync/joint-scorer';
export type { SyncScore } from './sync/offset-curve';
export type { ProtocolName, SyncProtocol } from './sync/protocol';
export { meanOfTracks, PROTOCOLS, protocolHash, referenceWindows } from './sync/protocol';
export type { EmbeddingRows, SyncScorerOptions } from './sync/sync-scorer';
export { SyncScorer, scoreEmbeddings } from './sync/sync-scorer';
export type { Alignment, AlignmentCurve, AlignmentStretch } from './sync/verdict/alignment';
export { alignmentCurve } from './sync/verdict/alignment';
export { ImageCounter } from './sync/verdict/image-counter';
export { syncVerdict } from './sync/verdict/verdict';
export type {
  OffsetDrift,
  OffsetInTime,
  SyncVerdict,
  VerdictFacts,
  VerdictOptions,
  VerdictReason,
} from './sync/verdict/verdict-types';
