export { agreeOnRecipe } from './agree-on-recipe';
export type { Axes, EmbeddingBatch, MelBatch, MouthBatch } from './axes';
export { AUDIO_FEATURES, assertMel, assertWaveform } from './audio';
export type { AsyncAudioFeatures, AudioFeatureName, AudioFeatures, Mel, MelRecipeName, MelWindow, Waveform } from './audio';
export { assertLandmarks68 } from './face';
export type { FaceLandmarks, FaceTrack, LandmarkDetector, Landmarks68 } from './face';
export { fail } from './fail';
export { FUSED_KERNELS } from './kernels';
export type { AdamWAttributes, ConvolutionAttributes, GroupNormAttributes } from './kernels';
export { assertVideoFrame } from './media';
export type { FilmStreams, FrameSequence, MediaInfo, MediaReader, PictureRegion, VideoFrame } from './media';
export { melSteps } from './mel-steps';
export { assertSyncRecipe, audioWindowStart, cropSideFactor, pictureShape, recipeDifferences, stepsBefore, storedShape } from './recipe';
export type {
  AlignedFaceCrop,
  DinetCrop,
  FaceBoxCrop,
  HeadCrop,
  SimilarityCrop,
  StoredCrop,
  SyncCrop,
  SyncRecipe,
  TrackBoxCrop,
  WholeFrameCrop,
} from './recipe';
export { assertMelBatch, assertMouthBatch } from './sync-expert';
export type { Embedding, MouthWindow, SyncExpert } from './sync-expert';
