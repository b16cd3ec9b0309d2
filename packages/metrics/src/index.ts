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
export { batchOf, imagesOf } from './image/image';
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
export type { PairScores, SyncAccuracy, SyncReport } from './pairs/evaluation';
export { balancedAccuracy, bestThreshold, rocAuc, SyncEvaluation } from './pairs/evaluation';
export { describeOffset } from './sync/describe-offset';
export { batchSizeFor, embedAudio, embedVisual } from './sync/embed-windows';
export type { ExpertBceOptions, ExpertClip } from './sync/expert-bce';
export { ExpertBceScorer, expertBce } from './sync/expert-bce';
export type { JointScorerOptions } from './sync/joint-scorer';
export { JointScorer } from './sync/joint-scorer';
export type { SyncScore } from './sync/offset-curve';
export type { ProtocolName, SyncProtocol } from './sync/protocol';
export { meanOfTracks, PROTOCOLS, protocolHash, referenceWindows } from './sync/protocol';
export type { EmbeddingRows, SyncScorerOptions } from './sync/sync-scorer';
export { SyncScorer, scoreEmbeddings } from './sync/sync-scorer';
export type {
  EmbedBatch,
  ExpertFacts,
  RemoteScorerOptions,
  ScoringWindow,
  WindowScorerOptions,
} from './sync/window-scorer';
export { scoreWindows, WindowScorer } from './sync/window-scorer';
