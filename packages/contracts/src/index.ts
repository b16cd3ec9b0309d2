export type {
  AsyncAudioFeatures,
  AudioFeatureName,
  AudioFeatures,
  Features,
  MelRecipeName,
  Waveform,
} from './audio/audio';
export { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, assertFeatures, assertWaveform } from './audio/audio';
export { melSteps } from './audio/mel-steps';
export type { FaceLandmarks, FaceTrack, LandmarkDetector, Landmarks68 } from './face/face';
export { assertLandmarks68 } from './face/face';
export { fail } from './fail';
export { importPackage } from './import-package';
export type { FrameRegion, FrameSequence, MediaInfo, MediaReader, MediaStreams, VideoFrame } from './media/media';
export { assertVideoFrame } from './media/media';
export { nodeModule } from './node-module';
export { agreeOnRecipe } from './recipe/agree-on-recipe';
export { renameKeys, upgradeRecipe } from './recipe/earlier-spelling';
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
} from './recipe/recipe';
export {
  assertSyncRecipe,
  audioWindowStart,
  frameShape,
  recipeDifferences,
  stepsBefore,
  storedShape,
} from './recipe/recipe';
