export {
  absoluteError,
  lipganContrastiveLoss,
  qualityDiscriminatorLoss,
  qualityGeneratorLoss,
} from './losses/adversarial-loss';
export type { Wav2LipSchedule, Wav2LipScheduleState, Wav2LipWeights } from './losses/schedule';
export {
  afterValidation,
  LIPGAN_WEIGHT,
  REPLICATION_SCHEDULE,
  WAV2LIP_GAN_SCHEDULE,
  WAV2LIP_SCHEDULE,
  wav2lipWeights,
} from './losses/schedule';
export type { Wav2LipConfig } from './network/config';
export { assertWav2LipConfig, LITE_WAV2LIP, WAV2LIP } from './network/config';
export type { Wav2LipReferences } from './network/generator';
export { Wav2LipGenerator } from './network/generator';
export { LipGanDiscriminator } from './network/lipgan-discriminator';
export type { QualityDiscriminatorOptions } from './network/quality-discriminator';
export { Wav2LipDiscriminator } from './network/quality-discriminator';
export type { LoadWav2LipOptions } from './weights/weights';
export { loadWav2Lip, saveWav2Lip, wav2lipMetadata } from './weights/weights';
