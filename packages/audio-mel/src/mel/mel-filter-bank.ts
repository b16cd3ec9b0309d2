import type { MelRecipe } from './mel-recipe';
import { assertMelRecipe } from './mel-recipe';

/** Triangular filters over the bins of a magnitude spectrum. */
export type MelFilterBank = {
  /** `[bins, frequencies]`, float32, row-major; each row a triangle of unit area in Hz. */
  weights: Float32Array;
  /** Number of mel bands. */
  bins: number;
  /** Number of frequencies, `fftSize / 2 + 1`; bin `k` stands at `k * sampleRate / fftSize` Hz. */
  frequencies: number;
};

const HZ_PER_LINEAR_MEL = 200 / 3;
const BREAK_HZ = 1000;
const BREAK_MEL = BREAK_HZ / HZ_PER_LINEAR_MEL;
const LOG_STEP = Math.log(6.4) / 27; // 27 steps from 1 to 6.4 kHz

/** Slaney's mel scale: `hz * 3 / 200` below 1 kHz, then 27 logarithmic steps to every factor of 6.4. */
export function hzToMel(hz: number): number {
  return hz < BREAK_HZ ? hz / HZ_PER_LINEAR_MEL : BREAK_MEL + Math.log(hz / BREAK_HZ) / LOG_STEP;
}

/** The inverse of `hzToMel`. */
export function melToHz(mel: number): number {
  return mel < BREAK_MEL ? mel * HZ_PER_LINEAR_MEL : BREAK_HZ * Math.exp(LOG_STEP * (mel - BREAK_MEL));
}

/**
 * Triangular filters that fold a magnitude spectrum into mel bands.
 *
 * `mel[b] = sum over k of weights[b * frequencies + k] * magnitude[k]`. The corners of the triangles stand at equal
 * distances on Slaney's mel scale; the height is `2 / (upper corner - lower corner)`.
 *
 * Source: librosa `filters.mel(htk=False, norm='slaney')`, torchaudio
 * `melscale_fbanks(norm='slaney', mel_scale='slaney')`. Largest difference from the formulas in NumPy (float64, rounded
 * to float32 as librosa does): 0; from torchaudio 0.13.1, which works in float32: 6.5e-8, with weights up to 0.027. See
 * the test.
 *
 * @returns float32 weights `[bins, frequencies]`.
 * @throws RangeError if the recipe's numbers do not fit together.
 */
export function melFilterBank(recipe: MelRecipe): MelFilterBank {
  assertMelRecipe('melFilterBank', recipe);
  const { sampleRate, fftSize, melBins } = recipe;
  const frequencies = fftSize / 2 + 1;
  const weights = new Float32Array(melBins * frequencies);
  const corner = bandCorners(recipe);
  for (let bin = 0; bin < melBins; bin++) {
    const [left, peak, right] = corner.slice(bin, bin + 3);
    for (let k = Math.floor((left * fftSize) / sampleRate); k < frequencies; k++) {
      const hz = (k * sampleRate) / fftSize;
      if (hz > right) break;
      const height = Math.min((hz - left) / (peak - left), (right - hz) / (right - peak));
      weights[bin * frequencies + k] = Math.max(0, height) * (2 / (right - left));
    }
  }
  return { weights, bins: melBins, frequencies };
}

/** Corners of the triangles, Hz: band `b` rises from corner `b` to `b + 1` and falls to `b + 2`. */
export function bandCorners({ melBins, minHz, maxHz }: MelRecipe): number[] {
  const low = hzToMel(minHz);
  const step = (hzToMel(maxHz) - low) / (melBins + 1);
  return Array.from({ length: melBins + 2 }, (_, i) => melToHz(low + i * step));
}
