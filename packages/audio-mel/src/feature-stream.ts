import type { AudioFeatureName, AudioFeatures } from '@lipsync/contracts';
import { AUDIO_FEATURES, fail } from '@lipsync/contracts';
import { MEL_RECIPES } from './mel/mel-recipe';
import { melFeatures } from './mel/mel-spectrogram';
import { MelStream } from './mel/mel-stream';
import { MfccStream, mfcc } from './mfcc/mfcc';

/** Features of audio that comes in pieces: what `push` and `end` return, one after the other, is that of the whole. */
export type FeatureStream = {
  /** Numbers a time step. */
  readonly bins: number;
  /** Takes the next samples, 16 kHz mono; float32 `[new steps, bins]`. */
  push(samples: Float32Array): Float32Array;
  /** Says that the audio is over; float32 `[last steps, bins]`. */
  end(): Float32Array;
};

function refuseElsewhere(where: string, name: AudioFeatureName): void {
  if (name === 'ASR_LOGITS') {
    fail(
      TypeError,
      where,
      'name',
      'of features that are made from audio',
      `${name}, which a speech recogniser makes: give them as an .npy file`,
    );
  }
  if (!Object.hasOwn(AUDIO_FEATURES, name))
    fail(TypeError, where, 'name', `one of ${Object.keys(AUDIO_FEATURES).join(', ')}`, name);
}

/**
 * The stream of features that a recipe names.
 *
 * @throws TypeError for an unknown name, and for `ASR_LOGITS`, which come from elsewhere.
 * @example
 * const stream = featureStream(expert.recipe.mel);
 */
export function featureStream(name: AudioFeatureName): FeatureStream {
  refuseElsewhere('featureStream', name);
  return name === 'SYNCNET_MFCC' ? new MfccStream() : new MelStream(MEL_RECIPES[name as keyof typeof MEL_RECIPES]);
}

/**
 * The features that a recipe names, of whole clips.
 *
 * @throws TypeError as `featureStream`.
 * @example
 * const { data, steps } = audioFeatures('SYNCNET_MFCC').compute(waveform);
 */
export function audioFeatures(name: AudioFeatureName): AudioFeatures {
  refuseElsewhere('audioFeatures', name);
  if (name !== 'SYNCNET_MFCC') return melFeatures(name as keyof typeof MEL_RECIPES);
  const { bins, stepsPerSecond } = AUDIO_FEATURES[name];
  return { name, sampleRate: 16000, bins, stepsPerSecond, compute: mfcc };
}
