import type { Features, Waveform } from '@lipsync/contracts';
import { fail } from '@lipsync/contracts';
import { MelEngine } from './mel-engine';
import type { MelRecipe } from './mel-recipe';
import { THESIS_MEL } from './mel-recipe';

/**
 * The mel spectrogram of a whole clip, as lip-sync networks take it.
 *
 * `y[n] = x[n] - 0.97 x[n - 1]`; magnitude of the centred short-time Fourier transform (Hann 800, hop 200);
 * 80 Slaney bands; `D = 20 log10(max(1e-5, mel)) - 20`; `clip(8 (D + 100) / 100 - 4, -4, 4)`: silence is -4.
 * `N` samples give `1 + floor(N / 200)` steps.
 *
 * Source: torchaudio `MelSpectrogram` (`THESIS_MEL`), Wav2Lip's `audio.py` with librosa 0.7 (`WAV2LIP_MEL`). Largest
 * difference on speech-like audio that contains digital silence: 3.2e-5 from torchaudio 0.13.1, which works in float32;
 * 7.2e-7 from librosa's formulas in NumPy. Arithmetic is float64 up to the result. See the test.
 *
 * @returns float32 `[steps, bins]`, time-major; the caller's.
 * @throws RangeError if the sample rate is not the recipe's, a sample is not finite, or the clip is too short to be
 *   mirrored (below 401 samples; torchaudio refuses the same).
 * @example
 * import { melSpectrogram, readWav, toMono, WAV2LIP_MEL } from '@lipsync/audio-mel';
 * const mel = melSpectrogram(toMono(readWav(bytes)), WAV2LIP_MEL); // { data, steps, bins: 80 }
 */
export function melSpectrogram(waveform: Waveform, recipe: MelRecipe = THESIS_MEL): Features {
  const where = 'melSpectrogram';
  const { samples, sampleRate } = waveform;
  if (!(samples instanceof Float32Array)) fail(TypeError, where, 'waveform.samples', 'a Float32Array', typeof samples);
  const engine = new MelEngine(where, recipe);
  if (sampleRate !== recipe.sampleRate) {
    fail(RangeError, where, 'waveform.sampleRate', `the recipe's ${recipe.sampleRate} Hz (see resample)`, sampleRate);
  }
  const steps = engine.totalSteps(samples.length);
  const data = new Float32Array(steps * engine.bins);
  const before = engine.stepsAfter(samples.length);
  engine.feed(samples, data, 0);
  engine.finish(data, before * engine.bins);
  return { data, steps, bins: engine.bins };
}
