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
export { fail } from './common/fail';
export { importPackage } from './common/import-package';
export { nodeModule } from './common/node-module';
export type { ByWindows, VerdictCalibration } from './expert/verdict-calibration';
export { assertVerdictCalibration, calibrationText, readCalibration } from './expert/verdict-calibration';
export type { FaceLandmarks, FaceTrack, LandmarkDetector, Landmarks68 } from './face/face';
export { assertLandmarks68 } from './face/face';
export type { GeneratorAudio, GeneratorRecipe, HiddenPart, ImageBox } from './generator/generator-recipe';
export { hiddenBox } from './generator/generator-recipe';
export type {
  ChannelMix,
  ConcealedDamage,
  CropFile,
  FrameRegion,
  FrameSequence,
  MediaFault,
  MediaInfo,
  MediaReader,
  MediaStreams,
  MediaTrack,
  PipelineContainer,
  PublishedPipeline,
  PublishedStreams,
  TrackChoice,
  VideoFrame,
} from './media/media';
export { assertVideoFrame, MediaError } from './media/media';
export { agreeOnRecipe } from './recipe/agree-on-recipe';
export { renameKeys, upgradeRecipe } from './recipe/earlier-spelling';
export type { Loudness, SpeechLoudness } from './recipe/loudness';
export { SPEECH_LOUDNESS } from './recipe/loudness';
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
