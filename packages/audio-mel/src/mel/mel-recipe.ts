import type { MelRecipeName } from '@lipsync/contracts';
import { AUDIO_SAMPLE_RATE, fail } from '@lipsync/contracts';

/** All parameters of a mel spectrogram. */
export type MelRecipe = {
  /** Samples per second of the audio; other rates are refused, see `resample`. */
  sampleRate: number;
  /** Samples in a Fourier transform; even. */
  fftSize: number;
  /** Samples under the periodic Hann window, at most `fftSize`; a shorter window is centred. */
  winLength: number;
  /** Samples from one time step to the next. */
  hop: number;
  /** Number of mel bands. */
  melBins: number;
  /** Lower edge of the first band, Hz. */
  minHz: number;
  /** Upper edge of the last band, Hz; at most `sampleRate / 2`. */
  maxHz: number;
  /** `k` of `y[n] = x[n] - k x[n - 1]`, `y[0] = x[0]`; 0 for no pre-emphasis. */
  preEmphasis: number;
  /** Level that becomes `-maxAbs`, dB relative to `refLevelDb`; below 0. Lower levels are clipped to it. */
  minLevelDb: number;
  /** Subtracted from the level of every band, dB. */
  refLevelDb: number;
  /** Values are clipped to `-maxAbs..maxAbs`. */
  maxAbs: number;
  /** Padding beyond both ends of the audio: its mirror image without the end sample, or silence. */
  padMode: 'reflect' | 'zero';
};

/**
 * Wav2Lip's mel spectrogram (its `audio.py` and `hparams.py` with librosa 0.7): 80 Slaney bands from 55 to 7600 Hz of
 * the magnitude, 80 time steps per second, values -4..4. Newer librosa pads with zeros: `LATENTSYNC_MEL`.
 */
export const WAV2LIP_MEL: Readonly<MelRecipe> = Object.freeze({
  sampleRate: AUDIO_SAMPLE_RATE,
  fftSize: 800,
  winLength: 800,
  hop: 200,
  melBins: 80,
  minHz: 55,
  maxHz: 7600,
  preEmphasis: 0.97,
  minLevelDb: -100,
  refLevelDb: 20,
  maxAbs: 4,
  padMode: 'reflect',
});

/**
 * The thesis's mel spectrogram: torchaudio's `MelSpectrogram` (power 1, centred, reflect padding, Slaney norm and
 * scale) with Wav2Lip's constants. The two programs differ by rounding only, so the parameters equal those of
 * `WAV2LIP_MEL`; the name says with which program a network was trained.
 */
export const THESIS_MEL: Readonly<MelRecipe> = Object.freeze({ ...WAV2LIP_MEL });

/**
 * LatentSync's mel spectrogram: Wav2Lip's code with librosa 0.10, whose centred transform pads with zeros instead of
 * mirroring. Only the first and last two time steps differ from `WAV2LIP_MEL`.
 */
export const LATENTSYNC_MEL: Readonly<MelRecipe> = Object.freeze({ ...WAV2LIP_MEL, padMode: 'zero' });

/** The recipes by their names in `SyncRecipe.features`. */
export const MEL_RECIPES: Readonly<Record<MelRecipeName, Readonly<MelRecipe>>> = Object.freeze({
  THESIS_MEL,
  WAV2LIP_MEL,
  LATENTSYNC_MEL,
});

/** Refuses a recipe with which no mel spectrogram can be made. */
export function assertMelRecipe(where: string, recipe: MelRecipe): void {
  for (const key of ['sampleRate', 'fftSize', 'winLength', 'hop', 'melBins'] as const) {
    if (!(Number.isInteger(recipe?.[key]) && recipe[key] > 0)) {
      fail(RangeError, where, `recipe.${key}`, 'a whole number above 0', recipe?.[key]);
    }
  }
  const { sampleRate, fftSize, winLength, minHz, maxHz, preEmphasis, minLevelDb, refLevelDb, maxAbs, padMode } = recipe;
  if (fftSize % 2 !== 0) fail(RangeError, where, 'recipe.fftSize', 'even', fftSize);
  if (winLength > fftSize) fail(RangeError, where, 'recipe.winLength', `at most fftSize (${fftSize})`, winLength);
  if (!(minHz >= 0)) fail(RangeError, where, 'recipe.minHz', 'at least 0', minHz);
  if (!(maxHz > minHz && maxHz <= sampleRate / 2)) {
    fail(
      RangeError,
      where,
      'recipe.maxHz',
      `above minHz (${minHz}) and at most sampleRate / 2 (${sampleRate / 2})`,
      maxHz,
    );
  }
  if (!Number.isFinite(preEmphasis)) fail(RangeError, where, 'recipe.preEmphasis', 'finite', preEmphasis);
  // The floor 10^(minLevelDb / 20) must stay a normal number.
  if (!(minLevelDb < 0 && minLevelDb >= -6000)) {
    fail(RangeError, where, 'recipe.minLevelDb', 'below 0 dB and at least -6000 dB', minLevelDb);
  }
  if (!Number.isFinite(refLevelDb)) fail(RangeError, where, 'recipe.refLevelDb', 'finite', refLevelDb);
  if (!(maxAbs > 0 && Number.isFinite(maxAbs))) fail(RangeError, where, 'recipe.maxAbs', 'above 0', maxAbs);
  if (padMode !== 'reflect' && padMode !== 'zero') {
    fail(TypeError, where, 'recipe.padMode', '"reflect" or "zero"', padMode);
  }
}
