export type { Augmentation } from './augment/augmentation';
export { AUGMENTATION, drawAugmentation } from './augment/augmentation';
export type { AudioDegradation, AudioDegradationDraw } from './degrade/audio-degradation';
export { AUDIO_DEGRADATION, degradeAudio, drawAudioDegradation } from './degrade/audio-degradation';
export type { FrameDegradation, FrameDegradationDraw } from './degrade/frame-degradation';
export { degradeFrames, drawFrameDegradation, FRAME_DEGRADATION } from './degrade/frame-degradation';
export type { Layout, LayoutName, SourceFacts } from './layouts/layouts';
export { detectLayout, LAYOUTS, parseTranscript } from './layouts/layouts';
export type { DinetBatch, DinetLoaderOptions } from './loaders/dinet-loader';
export { DinetLoader, disposeDinetBatch } from './loaders/dinet-loader';
export type { ImageProcessorOptions } from './loaders/image-processor';
export { ImageProcessor } from './loaders/image-processor';
export type { LoaderSummary, SyncArrays, SyncBatch, SyncLoaderOptions } from './loaders/sync-loader';
export {
  CONTRAST,
  disposeBatch,
  SyncLoader,
  THESIS_PAIRS,
} from './loaders/sync-loader';
export type { VideoList } from './prepare/list-videos';
export { listVideos } from './prepare/list-videos';
export { parseNpyLogits } from './prepare/npy-logits';
export { offsetStage } from './prepare/offset-stage';
export type { Preparation, PreparationName, QualityGates } from './prepare/preparation';
export { GENERAL, OPEN_GATES, PREPARATIONS } from './prepare/preparation';
export type { PrepareEvent } from './prepare/prepare-folder';
export { prepareFolder } from './prepare/prepare-folder';
export type { PrepareStages } from './prepare/prepare-stages';
export type { PrepareOptions, PrepareProgress, PrepareResult } from './prepare/prepare-video';
export { prepareVideo } from './prepare/prepare-video';
export type { PrepareFolderOptions } from './prepare/preparer';
export type { LogitFiles } from './prepare/read-logits';
export { LOGIT_LABELS } from './prepare/read-logits';
export type { OffsetDecision, OffsetStage, OffsetWindow } from './prepare/segment-offset';
export { decideOffset } from './prepare/segment-offset';
export type { DataReportOptions } from './report/data-report';
export { dataReport } from './report/data-report';
export type { MeasuredOffsets } from './report/offset-counts';
export type { DataReport } from './report/report-figures';
export type { Spread } from './report/spread';
export type { Thumbnail } from './report/thumbnail';
export type { ContrastSampling, NearWindows, PairSampling, SyncSampling } from './sampling/batch-plan';
export type { EvaluationClip, EvaluationOptions, EvaluationPair } from './sampling/evaluation-pairs';
export { evaluationPairs } from './sampling/evaluation-pairs';
export type { Degradation } from './sampling/sync-batch-maker';
export type { IdentifiedClip, IdentitySplitOptions } from './split/split-by-identity';
export { splitByIdentity } from './split/split-by-identity';
export type { Split, SplitOptions } from './split/split-by-list';
export { splitByList } from './split/split-by-list';
export type { SplitStoreOptions } from './split/split-store';
export { splitStore } from './split/split-store';
export type { Clip, ClipInfo, ClipOffset, ClipQuality, OffsetReading, OffsetVerdict, StoreRecipe } from './store/clip';
export { anglesOf } from './store/clip';
export type { ClipAudio } from './store/clip-features';
export { featuresFor } from './store/clip-features';
export type { OpenClip } from './store/clip-file';
export type { ClipAddress } from './store/clip-id';
export { clipId, parseClipId } from './store/clip-id';
export type { ClipStoreOptions } from './store/clip-store';
export { ClipStore } from './store/clip-store';
export type { ClipCorrection, CorrectStoreOptions } from './store/correct-store';
export { correctStore } from './store/correct-store';
export { hashFile } from './store/hash-file';
export type { MergeOptions } from './store/merge-stores';
export { mergeStores } from './store/merge-stores';
export type {
  Drop,
  DropReason,
  Manifest,
  SourceRecord,
  StoreSplit,
  StoreSummary,
} from './store/store-records';
