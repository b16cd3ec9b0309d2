import { fail } from '../common/fail';

/** Sample rate in Hz of the audio from which all features are computed. */
export const AUDIO_SAMPLE_RATE = 16000;

/** Mono audio. */
export type Waveform = {
  /** Samples, float32, full scale -1..1. */
  samples: Float32Array;
  /** Samples per second. */
  sampleRate: number;
};

/** Names of the mel recipes: the thesis's, Wav2Lip's and LatentSync's. */
export type MelRecipeName = 'THESIS_MEL' | 'WAV2LIP_MEL' | 'LATENTSYNC_MEL';

/**
 * The audio features that sync networks take: mel spectrograms; SyncNet's 13 MFCC of 16-bit samples, `SYNCNET_MFCC`;
 * DINet's 29 logits of a speech recogniser, `ASR_LOGITS`, which another program computes.
 */
export type AudioFeatureName = MelRecipeName | 'SYNCNET_MFCC' | 'ASR_LOGITS';

/** Values per time step, steps per second, and whether a window is centred on its frames or starts with them. */
export const AUDIO_FEATURES: Readonly<
  Record<AudioFeatureName, Readonly<{ bins: number; stepsPerSecond: number; centred: boolean }>>
> = Object.freeze({
  THESIS_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  WAV2LIP_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  LATENTSYNC_MEL: { bins: 80, stepsPerSecond: 80, centred: false },
  SYNCNET_MFCC: { bins: 13, stepsPerSecond: 100, centred: false },
  ASR_LOGITS: { bins: 29, stepsPerSecond: 25, centred: true },
});

/** Features of a whole clip, such as a mel spectrogram; time-major, so that a window is contiguous. */
export type Features = {
  /** `[steps, bins]`, float32; `data[step * bins + bin]`, bin 0 the lowest frequency. */
  data: Float32Array;
  /** Number of time steps. */
  steps: number;
  /** Values per time step. */
  bins: number;
};

/** Computes the features that a sync network takes from a waveform. */
export interface AudioFeatures {
  readonly name: AudioFeatureName;
  /** The one sample rate that `compute` takes, in Hz. */
  readonly sampleRate: number;
  readonly bins: number;
  /** Time steps per second: 80 for a hop of 200 samples at 16 kHz. */
  readonly stepsPerSecond: number;
  compute(waveform: Waveform): Features;
}

/** The same, computed asynchronously, such as by a speech recogniser in another runtime. */
export interface AsyncAudioFeatures extends Omit<AudioFeatures, 'compute'> {
  compute(waveform: Waveform): Promise<Features>;
}

/**
 * Refuses a waveform that is not float32 mono audio with a sample rate.
 *
 * @throws TypeError for other samples; RangeError for a rate that is not above 0 Hz, NaN or infinite samples.
 * @example
 * assertWaveform('measure', { samples: new Float32Array(16000), sampleRate: 16000 });
 */
export function assertWaveform(where: string, waveform: Waveform): void {
  if (!(waveform?.samples instanceof Float32Array)) {
    fail(TypeError, where, 'waveform.samples', 'a Float32Array', typeof waveform?.samples);
  }
  if (!(Number.isFinite(waveform.sampleRate) && waveform.sampleRate > 0)) {
    fail(RangeError, where, 'waveform.sampleRate', 'above 0 Hz', waveform.sampleRate);
  }
  const { samples } = waveform;
  // A loop: findIndex takes 17 times as long, and waveforms are checked by many functions.
  for (let i = 0; i < samples.length; i++) {
    if (!Number.isFinite(samples[i]))
      fail(RangeError, where, 'waveform.samples', 'finite', `${samples[i]} at sample ${i}`);
  }
}

/**
 * Refuses features whose data is not a Float32Array of `steps * bins` values.
 *
 * @throws TypeError that gives both lengths.
 * @example
 * assertFeatures('score', { data: new Float32Array(160), steps: 2, bins: 80 });
 */
export function assertFeatures(where: string, features: Features): void {
  if (!(features?.data instanceof Float32Array))
    fail(TypeError, where, 'features.data', 'a Float32Array', typeof features?.data);
  if (features.data.length !== features.steps * features.bins) {
    const rule = `of steps * bins = ${features.steps} * ${features.bins} values`;
    fail(TypeError, where, 'features.data', rule, features.data.length);
  }
}
