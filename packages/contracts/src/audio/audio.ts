import { fail } from '../fail';

/** Samples per second of the audio that all features here are made of: 16 kHz. */
export const AUDIO_SAMPLE_RATE = 16000;

/** Mono audio. */
export type Waveform = {
  /** Samples, float32, full scale -1..1. */
  samples: Float32Array;
  /** Samples per second. */
  sampleRate: number;
};

/** The mel recipes by the names of their constants in `@lipsync/audio-mel`. */
export type MelRecipeName = 'THESIS_MEL' | 'WAV2LIP_MEL' | 'LATENTSYNC_MEL';

/**
 * The features that sync networks listen to: mel spectrograms; SyncNet's 13 MFCC of 16-bit samples, `SYNCNET_MFCC`; the 29 logits of a
 * speech recogniser that DINet takes, `ASR_LOGITS`, which come from elsewhere.
 */
export type AudioFeatureName = MelRecipeName | 'SYNCNET_MFCC' | 'ASR_LOGITS';

/** Numbers a time step, steps a second, and whether a window stands centred on its frames or starts with them. */
export const AUDIO_FEATURES: Readonly<
  Record<AudioFeatureName, Readonly<{ bins: number; stepsPerSecond: number; centred: boolean }>>
> = Object.freeze({
  THESIS_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  WAV2LIP_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  LATENTSYNC_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  SYNCNET_MFCC: { bins: 13, stepsPerSecond: 100, centred: false },
  ASR_LOGITS: { bins: 29, stepsPerSecond: 25, centred: true },
});

/** A mel spectrogram, or other features, of a whole clip, stored one time step after the other: a window of it is a contiguous piece. */
export type Features = {
  /** `[steps, bins]`, float32; `data[step * bins + bin]`, bin 0 the lowest frequency. */
  data: Float32Array;
  /** Number of time steps. */
  steps: number;
  /** Numbers a time step. */
  bins: number;
};

/** What turns a waveform into the features that a sync network listens to. */
export interface AudioFeatures {
  readonly name: AudioFeatureName;
  /** Samples per second that `compute` takes; others are refused. */
  readonly sampleRate: number;
  readonly bins: number;
  /** Time steps per second: 80 for a hop of 200 samples at 16 kHz. */
  readonly stepsPerSecond: number;
  compute(waveform: Waveform): Features;
}

/** `AudioFeatures` that take time, such as a speech recogniser in another runtime. */
export interface AsyncAudioFeatures extends Omit<AudioFeatures, 'compute'> {
  compute(waveform: Waveform): Promise<Features>;
}

/** Refuses what is not mono float audio with a sample rate, and samples that are NaN or infinite. */
export function assertWaveform(where: string, waveform: Waveform): void {
  if (!(waveform?.samples instanceof Float32Array)) {
    fail(TypeError, where, 'waveform.samples', 'a Float32Array', typeof waveform?.samples);
  }
  if (!(Number.isFinite(waveform.sampleRate) && waveform.sampleRate > 0)) {
    fail(RangeError, where, 'waveform.sampleRate', 'above 0 Hz', waveform.sampleRate);
  }
  const bad = waveform.samples.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    fail(RangeError, where, 'waveform.samples', 'finite', `${waveform.samples[bad]} at sample ${bad}`);
  }
}

/** Refuses a `Mel` whose data does not hold `steps * bins` numbers. */
export function assertFeatures(where: string, features: Features): void {
  if (!(features?.data instanceof Float32Array))
    fail(TypeError, where, 'mel.data', 'a Float32Array', typeof features?.data);
  if (features.data.length !== features.steps * features.bins) {
    const rule = `steps * bins = ${features.steps} * ${features.bins} numbers long`;
    fail(TypeError, where, 'mel.data', rule, features.data.length);
  }
}
