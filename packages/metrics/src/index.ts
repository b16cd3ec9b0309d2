export type { FidPreprocessing, FidProtocol, FidScorerOptions } from './frechet/fid-scorer';
export { FidScorer, fidInput } from './frechet/fid-scorer';
export type { FrechetDistance } from './frechet/frechet-distance';
export { frechetDistance } from './frechet/frechet-distance';
export type { FrechetMoments } from './frechet/frechet-moments';
export { momentsFromArrays, momentsToArrays } from './frechet/frechet-moments';
export type { FrechetScore, FrechetSet } from './frechet/frechet-sets';
export { FrechetStatistics } from './frechet/frechet-statistics';
export type { FvdProtocol, FvdScorerOptions } from './frechet/fvd-scorer';
export { FVD_PROTOCOLS, FvdScorer, fvdInput } from './frechet/fvd-scorer';
export type { Image, ImageOptions, Quantise, ValueRange } from './image/image';
export { batchOf, imagesOf } from './image/image-batch';
export type { LandmarkDistance, LandmarkDistanceOptions } from './image/landmark-distance';
export { LandmarkDistanceScorer, landmarkDistance } from './image/landmark-distance';
export type { LaplacianVarianceOptions } from './image/laplacian-variance';
export { LaplacianVarianceScorer, laplacianVariance } from './image/laplacian-variance';
export type { LpipsNet, LpipsOptions, LpipsRange } from './image/lpips';
export { Lpips, LpipsScorer, lpips } from './image/lpips';
export type { MaskedPsnrOptions, PixelMask, PsnrAverage, PsnrOptions } from './image/psnr';
export { MaskedPsnrScorer, maskedPsnr, PsnrScorer, psnr } from './image/psnr';
export type { ResizeRule } from './image/resize-images';
export { resizeImages } from './image/resize-images';
export type { SsimOptions, SsimVariant } from './image/ssim';
export { SsimScorer, ssim } from './image/ssim';
export type { VggDistanceOptions } from './image/vgg-distance';
export { VggDistanceScorer, vggDistance } from './image/vgg-distance';
export type { MetricDescription, MetricName, MetricScore } from './metric-description';
export { formatScore, METRICS, metricNotes } from './metric-description';
export { I3D, I3D_LOGITS } from './networks/i3d';
export { i3dState } from './networks/i3d-names';
export type { InceptionFeatures } from './networks/inception-fid';
export { INCEPTION_FEATURES, InceptionFid } from './networks/inception-fid';
export type { PairScores, SyncAccuracy } from './pairs/accuracy';
export { balancedAccuracy, bestThreshold, rocAuc } from './pairs/accuracy';
export type { SyncReport } from './pairs/sync-evaluation';
export { SyncEvaluation } from './pairs/sync-evaluation';
export { describeOffset } from './sync/describe-offset';
export type { Embedder, ExpertFacts } from './sync/embedder';
export { batchSizeFor, localEmbedder } from './sync/embedder';
export type { ExpertBceOptions, ExpertClip } from './sync/expert-bce';
export { ExpertBceScorer, expertBce } from './sync/expert-bce';
export type { JointScorerOptions } from './sync/joint-scorer';
export { JointScorer } from './sync/joint-scorer';
export type { SyncScore } from './sync/offset-curve';
export type { ProtocolName, SyncProtocol } from './sync/protocol';
export { meanOfTracks, PROTOCOLS, protocolHash, referenceWindows } from './sync/protocol';
export type { EmbeddingRows, SyncScorerOptions } from './sync/sync-scorer';
export { SyncScorer, scoreEmbeddings } from './sync/sync-scorer';
export type { Alignment, AlignmentCurve, AlignmentStretch } from './sync/verdict/alignment';
export { alignmentCurve } from './sync/verdict/alignment';
export type { CalibrationCase } from './sync/verdict/calibration-case';
export type { CalibrationFit } from './sync/verdict/fit-calibration';
export { fitCalibration } from './sync/verdict/fit-calibration';
export { ImageCounter } from './sync/verdict/image-counter';
export type { CalibrationReliability, ReliabilityBin, ReliabilityGroup } from './sync/verdict/reliability';
export { syncVerdict } from './sync/verdict/verdict';
export type {
  OffsetDrift,
  OffsetInTime,
  SyncVerdict,
  VerdictFacts,
  VerdictOptions,
  VerdictReason,
} from './sync/verdict/verdict-types';
export type { ScoringWindow, WindowScorerOptions } from './sync/window-scorer';
export { scoreWindows, WindowScorer } from './sync/window-scorer';
