import { fail } from '../common/fail';

/**
 * How loud the audio is made before its features are computed. `none`: as it is, the rule of all published networks.
 */
export type Loudness = 'none' | SpeechLoudness;

/**
 * One gain for a whole clip, so that its speech has a fixed level. `speechLevel` of @lipsync/audio-mel says what the
 * level of speech is.
 */
export type SpeechLoudness = {
  kind: 'speech level';
  /** The level that speech gets, dB of full scale. */
  levelDb: number;
  /** Largest gain, dB, so that silence does not become loud noise. */
  mostGainDb: number;
};

/**
 * The rule of the networks that are trained here: speech at -20 dB of full scale, in the middle of recordings as they
 * come (medians by `speechLevel`: GRID -14, LRW-AR -14, videos of the web -21 dB); at most 55 dB louder, which brings
 * speech of -75 dB there.
 */
export const SPEECH_LOUDNESS: Readonly<SpeechLoudness> = Object.freeze({
  kind: 'speech level',
  levelDb: -20,
  mostGainDb: 55,
});

/** Refuses what is not a loudness rule; returns it with its fields in a fixed order. */
export function assertLoudness(where: string, value: unknown): Loudness {
  if (value === 'none') return value;
  const { kind, levelDb, mostGainDb } = (value ?? {}) as Partial<SpeechLoudness>;
  if (kind !== 'speech level')
    fail(TypeError, where, 'recipe.loudness', 'none, or an object of kind "speech level"', value);
  if (!(typeof levelDb === 'number' && levelDb >= -60 && levelDb <= 0))
    fail(RangeError, where, 'recipe.loudness.levelDb', 'from -60 to 0 dB of full scale', levelDb);
  if (!(typeof mostGainDb === 'number' && mostGainDb >= 0 && mostGainDb <= 100))
    fail(RangeError, where, 'recipe.loudness.mostGainDb', 'from 0 to 100 dB', mostGainDb);
  return { kind, levelDb, mostGainDb };
}
