import type { AudioFeatureName, AudioFeatures } from '@lipsync/contracts';
import { AUDIO_FEATURES, AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';
import { MEL_RECIPES, type MelRecipe } from './mel/mel-recipe';
import { melSpectrogram } from './mel/mel-spectrogram';
import { MelStream } from './mel/mel-stream';
import { MfccStream, mfcc, mfccSteps } from './mfcc/mfcc';

/**
 * Features of audio that comes in pieces. What `push` and `end` return, concatenated, equals the features of the whole
 * waveform.
 */
export type FeatureStream = {
  /** Values per time step. */
  readonly bins: number;
  /**
   * Takes the next mono samples: 16 kHz, or the sample rate of a mel recipe.
   *
   * @returns float32 `[new steps, bins]`, often empty for short pieces; the caller's.
   * @throws RangeError for a sample that is not finite; the stream cannot be used afterwards. Error after `end`.
   */
  push(samples: Float32Array): Float32Array;
  /**
   * Ends the stream.
   *
   * @returns float32 `[last steps, bins]`: the steps whose windows reach beyond the end.
   * @throws RangeError if the whole audio was too short for one step. Error if called twice.
   */
  end(): Float32Array;
};

/**
 * The features that a recipe names, of whole waveforms.
 *
 * `THESIS_MEL` and `WAV2LIP_MEL`: see `melSpectrogram`. `SYNCNET_MFCC`: 13 cepstral coefficients of 16-bit samples, 100
 * steps per second, as python_speech_features 0.6 `mfcc` with its defaults (largest difference 4e-6). All take mono
 * audio of 16 kHz.
 *
 * @returns `compute(waveform)` gives `Features`, float32 `[steps, bins]`, time-major; the caller's.
 * @throws TypeError for an unknown name, and for `ASR_LOGITS`, which a speech recogniser makes (see
 * `createCtcFeatures`).
 * @example
 * import { audioFeatures } from '@lipsync/audio-mel';
 * const { data, steps } = audioFeatures('SYNCNET_MFCC').compute(waveform); // [steps, 13]
 */
export function audioFeatures(name: AudioFeatureName): AudioFeatures {
  assertComputable('audioFeatures', name);
  const { bins, stepsPerSecond } = AUDIO_FEATURES[name];
  const compute: AudioFeatures['compute'] =
    name === 'SYNCNET_MFCC' ? mfcc : (waveform) => melSpectrogram(waveform, MEL_RECIPES[name]);
  return { name, sampleRate: AUDIO_SAMPLE_RATE, bins, stepsPerSecond, compute };
}

/**
 * The features that a recipe names, or a mel recipe of your own, of audio that comes in pieces: the values of
 * `audioFeatures`, bit for bit, in constant memory (about 60 kB).
 *
 * A step is returned as soon as the last sample under its window is known: 25 ms after the middle of the window with
 * the recipes here.
 *
 * @throws TypeError as `audioFeatures`; RangeError if the numbers of a mel recipe do not fit together.
 * @example
 * import { featureStream } from '@lipsync/audio-mel';
 * const stream = featureStream('THESIS_MEL');
 * const steps: Float32Array[] = [];
 * for await (const piece of reader.audio('talk.mp4')) steps.push(stream.push(piece.samples)); // [new steps, 80]
 * steps.push(stream.end());
 */
export function featureStream(features: AudioFeatureName | MelRecipe): FeatureStream {
  if (typeof features === 'object') return new MelStream(features);
  assertComputable('featureStream', features);
  return features === 'SYNCNET_MFCC' ? new MfccStream() : new MelStream(MEL_RECIPES[features]);
}

/**
 * Time steps of the features of a waveform of so many samples.
 *
 * @param samples at 16 kHz; at least 401 for mel spectrograms.
 * @throws TypeError as `audioFeatures`.
 * @example
 * import { featureStepCount } from '@lipsync/audio-mel';
 * featureStepCount('THESIS_MEL', 16000); // 81
 */
export function featureStepCount(name: AudioFeatureName, samples: number): number {
  assertComputable('featureStepCount', name);
  if (name === 'SYNCNET_MFCC') return mfccSteps(samples);
  return 1 + Math.floor(samples / MEL_RECIPES[name].hop);
}

function assertComputable(
  where: string,
  name: AudioFeatureName,
): asserts name is Exclude<AudioFeatureName, 'ASR_LOGITS'> {
  if (name === 'ASR_LOGITS') {
    const rule = 'features that are computed from audio alone';
    fail(TypeError, where, 'name', rule, `${name}, which a speech recogniser makes: give them as an .npy file`);
  }
  if (!Object.hasOwn(AUDIO_FEATURES, name))
    fail(TypeError, where, 'name', `one of ${Object.keys(AUDIO_FEATURES).join(', ')}`, name);
}
