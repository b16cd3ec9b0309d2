import type { Waveform } from '@lipsync/contracts';
import { assertWaveform, fail } from '@lipsync/contracts';

/** The low-pass filter of `resample`; the names in brackets are torchaudio's. */
export type ResampleOptions = {
  /**
   * Zero crossings of the sinc on either side [lowpass_filter_width]: more, a steeper filter and more time. Default
   * 128.
   */
  zeroCrossings?: number;
  /** Where the filter is at half height (-6 dB), as a fraction of the lower rate's half [rolloff]. Default 0.975. */
  rolloff?: number;
  /** Shape of the Kaiser window [beta]: more, less aliasing and a wider edge. Default 10.06, for 100 dB. */
  kaiserBeta?: number;
};

/** Largest number of taps of all phases (32 MB); beyond it, taps are interpolated from a fine table. */
const MOST_TAPS = 1 << 22;
/** Entries per zero crossing in the fine table: linear interpolation is then 2e-8 off, -150 dB. */
const FINE = 8192;

/**
 * Resamples audio with a Kaiser-windowed sinc, one filter per phase.
 *
 * `y[n] = sum over m of x[m] h(m - n from / to)`, `h(t) = c sinc(c t) kaiser(c t / zeroCrossings)`,
 * `c = rolloff * min(1, to / from)`; outside the audio `x` is 0. `N` samples become `ceil(N to / from)`.
 *
 * Quality at the default, as fractions of half the lower rate: flat to 0.001 dB up to 0.95 (7600 Hz for 16 kHz, the
 * upper edge of the mel recipes), 100 dB down from 1 on. Source: the formula of torchaudio's `resample` with
 * `kaiser_window`; largest difference from torchaudio 0.13.1 in float64: 9e-8, the float32 rounding of the result.
 *
 * @returns float32 samples in a new array, the caller's, also where the rate stays as it is.
 * @throws RangeError if a rate is not a whole number of Hz, or an option is out of range.
 * @example
 * import { readWav, resample, toMono } from '@lipsync/audio-mel';
 * const waveform = resample(toMono(readWav(bytes)), 16000);
 */
export function resample(waveform: Waveform, sampleRate: number, options: ResampleOptions = {}): Waveform {
  const where = 'resample';
  const { zeroCrossings = 128, rolloff = 0.975, kaiserBeta = 10.06 } = options;
  assertWaveform(where, waveform);
  for (const [name, rate] of [
    ['waveform.sampleRate', waveform.sampleRate],
    ['sampleRate', sampleRate],
  ] as const) {
    if (!(Number.isInteger(rate) && rate > 0)) fail(RangeError, where, name, 'a whole number of Hz above 0', rate);
  }
  if (!(Number.isInteger(zeroCrossings) && zeroCrossings > 0)) {
    fail(RangeError, where, 'zeroCrossings', 'a whole number above 0', zeroCrossings);
  }
  if (!(rolloff > 0 && rolloff <= 1)) fail(RangeError, where, 'rolloff', 'above 0 and at most 1', rolloff);
  if (!(kaiserBeta >= 0 && kaiserBeta <= 100)) fail(RangeError, where, 'kaiserBeta', '0 to 100', kaiserBeta);
  const { samples } = waveform;
  if (waveform.sampleRate === sampleRate) return { samples: samples.slice(), sampleRate };

  const divisor = greatestCommonDivisor(waveform.sampleRate, sampleRate);
  const from = waveform.sampleRate / divisor;
  const to = sampleRate / divisor;
  const cut = rolloff * Math.min(1, to / from);
  const filter = phaseFilter(to, cut, zeroCrossings, kaiserBeta);
  const out = new Float32Array(Math.ceil((samples.length * to) / from));
  // Output n stands at input whole + phase / to; stepping keeps both exact.
  for (let n = 0, whole = 0, phase = 0; n < out.length; n++) {
    const taps = filter.taps(phase);
    const first = whole - filter.before;
    const start = Math.max(0, -first);
    const end = Math.min(filter.length, samples.length - first);
    out[n] = dot(taps, samples, first, start, end);
    phase += from;
    whole += Math.floor(phase / to);
    phase %= to;
  }
  return { samples: out, sampleRate };
}

/** `taps(phase)[j]` weighs input `whole - before + j` for an output at `whole + phase / phases`. */
type PhaseFilter = { taps: (phase: number) => Float64Array; before: number; length: number };

function phaseFilter(phases: number, cut: number, zeroCrossings: number, beta: number): PhaseFilter {
  const before = Math.ceil(zeroCrossings / cut);
  const length = 2 * before + 2;
  const height = 1 / besselI0(beta);
  // In units of zero crossings.
  const kernel = (x: number) => {
    const u = 1 - (x / zeroCrossings) ** 2;
    if (u <= 0) return 0;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    return cut * sinc * height * besselI0(beta * Math.sqrt(u));
  };
  const tapsBy = (read: (x: number) => number, phase: number, into: Float64Array) => {
    for (let j = 0; j < length; j++) into[j] = read(cut * (j - before - phase / phases));
    return into;
  };
  if (phases * length <= MOST_TAPS) {
    const made = new Array<Float64Array | undefined>(phases);
    const taps = (phase: number) => (made[phase] ??= tapsBy(kernel, phase, new Float64Array(length)));
    return { taps, before, length };
  }
  const fine = Float64Array.from({ length: zeroCrossings * FINE + 2 }, (_, i) => kernel(i / FINE));
  const scratch = new Float64Array(length);
  const read = (x: number) => {
    const place = Math.min(Math.abs(x), zeroCrossings) * FINE;
    const left = Math.floor(place);
    return fine[left] + (place - left) * (fine[left + 1] - fine[left]);
  };
  return { taps: (phase) => tapsBy(read, phase, scratch), before, length };
}

/** Four sums at a time, so that one addition need not wait for the one before. */
function dot(taps: Float64Array, samples: Float32Array, first: number, start: number, end: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let j = start;
  for (; j + 3 < end; j += 4) {
    a += taps[j] * samples[first + j];
    b += taps[j + 1] * samples[first + j + 1];
    c += taps[j + 2] * samples[first + j + 2];
    d += taps[j + 3] * samples[first + j + 3];
  }
  for (; j < end; j++) a += taps[j] * samples[first + j];
  return a + b + (c + d);
}

/** Modified Bessel function of the first kind, order 0: `sum over k of ((x / 2)^k / k!)^2`. */
function besselI0(x: number): number {
  const quarter = (x / 2) ** 2;
  let sum = 1;
  for (let k = 1, term = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

export function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
