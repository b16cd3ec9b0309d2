import { fail } from '@lipsync/contracts';
import { LogLevel } from '../spectrum/log-level';
import { RealFft } from '../spectrum/real-fft';
import { type BandSlopes, bandSlopes, weighBands } from './band-slopes';
import { hannWindow } from './hann-window';
import type { MelRecipe } from './mel-recipe';
import { assertMelRecipe } from './mel-recipe';

/** Time steps that fit the buffer at once: about 60 kB, which fits the second-level cache. */
const STEPS_A_BLOCK = 32;

/**
 * Computes mel steps of samples that come in pieces, in constant memory. `MelStream` and `melSpectrogram` both use this
 * engine, so their results are equal.
 *
 * The buffer holds pre-emphasised samples, float64. Frame `t` covers samples `t hop - pad … t hop - pad + fftSize`.
 */
export class MelEngine {
  readonly bins: number;
  readonly #hop: number;
  readonly #fftSize: number;
  readonly #pad: number;
  readonly #reflect: boolean;
  readonly #preEmphasis: number;
  readonly #fft: RealFft;
  readonly #magnitude: Float64Array;
  readonly #levels: LogLevel;
  readonly #slopes: BandSlopes;

  readonly #buffer: Float64Array;
  /** Samples in the buffer. */
  #filled: number;
  /** Index of the buffer's first sample; `-pad` at first. */
  #origin: number;
  #previous = 0;
  #received = 0;
  #made = 0;

  readonly #where: string;

  constructor(where: string, recipe: MelRecipe) {
    this.#where = where;
    assertMelRecipe(where, recipe);
    const { fftSize, winLength, hop, melBins, minLevelDb, refLevelDb, maxAbs } = recipe;
    this.bins = melBins;
    this.#hop = hop;
    this.#fftSize = fftSize;
    this.#pad = fftSize / 2;
    this.#reflect = recipe.padMode === 'reflect';
    this.#preEmphasis = recipe.preEmphasis;
    this.#fft = new RealFft(hannWindow(winLength, fftSize));
    this.#magnitude = new Float64Array(this.#pad + 1);
    // D = 20 log10(mel) - ref; value = 2 maxAbs (D - min) / -min - maxAbs, both folded into one line.
    const slope = (2 * maxAbs) / -minLevelDb;
    this.#levels = new LogLevel(melBins, {
      floor: 10 ** (minLevelDb / 20),
      gain: (slope * 20) / Math.LN10,
      shift: slope * (-refLevelDb - minLevelDb) - maxAbs,
      limit: maxAbs,
    });
    this.#slopes = bandSlopes(recipe);
    // One frame, the block's further steps, and both mirrors with the sample that they leave out.
    this.#buffer = new Float64Array(2 * fftSize + 2 + STEPS_A_BLOCK * hop);
    this.#origin = -this.#pad;
    this.#filled = this.#pad;
  }

  /** Steps that can be computed after `samples` samples, before the end is known. */
  #readySteps(samples: number): number {
    const known = samples + this.#pad;
    if (known < this.#fftSize || (this.#reflect && samples <= this.#pad)) return 0;
    return Math.floor((known - this.#fftSize) / this.#hop) + 1;
  }

  /** Samples kept for further steps: fewer than 2000 with the recipes here, however long the audio is. */
  get keptSamples(): number {
    return this.#filled;
  }

  /** Steps that `feed` will write for this many further samples. */
  stepsAfter(samples: number): number {
    return this.#readySteps(this.#received + samples) - this.#made;
  }

  /** Steps of a waveform of this many samples. */
  totalSteps(samples: number): number {
    return Math.floor(samples / this.#hop) + 1;
  }

  /** Steps that `finish` will write. */
  stepsAtEnd(): number {
    return this.totalSteps(this.#received) - this.#made;
  }

  /** Takes samples and writes `stepsAfter(samples.length)` steps from `out[at]` on. */
  feed(samples: Float32Array, out: Float32Array, at: number): void {
    const buffer = this.#buffer;
    for (let taken = 0; taken < samples.length; ) {
      const count = Math.min(samples.length - taken, buffer.length - this.#filled);
      const finite = preEmphasise(samples, taken, count, this.#preEmphasis, this.#previous, buffer, this.#filled);
      if (finite < count) {
        const got = `${samples[taken + finite]} at sample ${this.#received + finite}`;
        fail(RangeError, this.#where, 'waveform.samples', 'finite', got);
      }
      const mirrorBefore = this.#reflect && this.#received <= this.#pad && this.#received + count > this.#pad;
      taken += count;
      this.#previous = samples[taken - 1];
      this.#filled += count;
      this.#received += count;
      if (mirrorBefore) for (let i = 1; i <= this.#pad; i++) buffer[this.#pad - i] = buffer[this.#pad + i];
      at = this.#writeSteps(this.#readySteps(this.#received), out, at);
      this.#dropOld();
    }
  }

  /** Writes the last `stepsAtEnd()` steps, which reach beyond the end of the audio. */
  finish(out: Float32Array, at: number): void {
    const needed = this.#reflect ? this.#pad + 1 : 1;
    if (this.#received < needed) {
      const rule = `at least ${needed} samples long${this.#reflect ? ' (fftSize / 2 + 1, to be mirrored)' : ''}`;
      fail(RangeError, this.#where, 'waveform', rule, this.#received);
    }
    const buffer = this.#buffer;
    const pad = this.#pad;
    const end = this.#filled;
    for (let i = 0; i < pad; i++) buffer[end + i] = this.#reflect ? buffer[end - 2 - i] : 0;
    this.#filled += pad;
    this.#writeSteps(this.totalSteps(this.#received), out, at);
  }

  #writeSteps(until: number, out: Float32Array, at: number): number {
    for (; this.#made < until; this.#made++, at += this.bins) {
      this.#fft.magnitudes(this.#buffer, this.#made * this.#hop - this.#pad - this.#origin, this.#magnitude);
      weighBands(this.#slopes, this.#magnitude, this.#levels.values);
      this.#levels.write(out, at);
    }
    return at;
  }

  /** Drops samples before the next frame, except those that the mirror at the end may need. */
  #dropOld(): void {
    const next = this.#made * this.#hop - this.#pad;
    const keepFrom = Math.min(next, this.#received - this.#pad - 1);
    const drop = keepFrom - this.#origin;
    if (drop <= 0) return;
    this.#buffer.copyWithin(0, drop, this.#filled);
    this.#filled -= drop;
    this.#origin += drop;
  }
}

/**
 * `to[at + i] = from[first + i] - factor * from[first + i - 1]`, with `previous` before the first.
 *
 * @returns how many samples were finite: `count`, or the place of the first that was not.
 */
function preEmphasise(
  from: Float32Array,
  first: number,
  count: number,
  factor: number,
  previous: number,
  to: Float64Array,
  at: number,
): number {
  for (let i = 0; i < count; i++) {
    const sample = from[first + i];
    if (sample - sample !== 0) return i;
    to[at + i] = sample - factor * previous;
    previous = sample;
  }
  return count;
}
