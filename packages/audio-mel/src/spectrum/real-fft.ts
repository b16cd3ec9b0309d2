import { fail } from '@lipsync/contracts';
import type { FftPass } from './fft-passes';
import { planPasses, rootOfUnity, runPass } from './fft-passes';
import { sixteenPoint } from './sixteen-point';

/**
 * Magnitudes of the Fourier transform of windowed real frames, without an allocation per frame.
 *
 * `out[k] = |sum over n of window[n] signal[offset + n] exp(-2 pi i n k / size)|`, `k = 0 … size / 2`. Even and odd
 * samples are the real and imaginary parts of a transform of half the length, whose result is then separated.
 *
 * Where the half length is 16 times an odd number (800 samples: 16 * 25), Good's prime-factor algorithm needs no
 * twiddles between the two factors; other even sizes run through Stockham passes, fast where 2, 3 and 5 are the only
 * factors. Arithmetic is float64: largest difference from the definition 1e-13 of the largest magnitude, see the test.
 */
export class RealFft {
  readonly #passes: FftPass[];
  /** Prime-factor path: where each input of the 16-point transforms stands in the signal; empty on the other path. */
  readonly #order: Int32Array;
  /** Where result `k` of the half-length transform stands in the array of the last pass. */
  readonly #place: Int32Array;
  /** `exp(-2 pi i k / size)`, interleaved. */
  readonly #turn: Float64Array;
  #first: Float64Array;
  #second: Float64Array;

  readonly #window: Float64Array;

  /** @param window one factor a sample; its length, even, is the size of the transform. Kept, not copied. */
  constructor(window: Float64Array) {
    this.#window = window;
    const size = window.length;
    if (size === 0 || size % 2 !== 0) fail(RangeError, 'RealFft', 'window', 'of an even length above 0', size);
    const half = size / 2;
    const rest = half / 16;
    const primeFactor = rest % 2 === 1;
    this.#passes = primeFactor ? planPasses(rest, 16) : planPasses(half);
    this.#order = new Int32Array(primeFactor ? half : 0);
    for (let i = 0; i < this.#order.length; i++) {
      // Good's map: n = (rest * n16 + 16 * nRest) mod half.
      this.#order[i] = 2 * ((rest * (i % 16) + 16 * Math.floor(i / 16)) % half);
    }
    this.#place = Int32Array.from({ length: half }, (_, k) => (primeFactor ? 2 * ((k % rest) * 16 + (k % 16)) : 2 * k));
    this.#turn = new Float64Array(half + 2 - (half % 2));
    for (let k = 0; k <= half / 2; k++) this.#turn.set(rootOfUnity(k, size), 2 * k);
    this.#first = new Float64Array(size);
    this.#second = new Float64Array(size);
  }

  /** Writes `size / 2 + 1` magnitudes of the frame that starts at `offset`. */
  magnitudes(signal: Float64Array, offset: number, out: Float64Array): void {
    const window = this.#window;
    const passes = this.#passes;
    const order = this.#order;
    let from = this.#first;
    let to = this.#second;
    if (order.length > 0) sixteenPoint(signal, offset, window, order, from);
    else for (let n = 0; n < window.length; n++) from[n] = signal[offset + n] * window[n];
    for (let i = 0; i < passes.length; i++) {
      runPass(passes[i], from, to);
      const swap = from;
      from = to;
      to = swap;
    }
    separate(from, this.#place, this.#turn, out);
  }
}

/**
 * With `Z` the transform of even + i odd samples: `E[k] = (Z[k] + conj Z[h - k]) / 2`,
 * `O[k] = -i (Z[k] - conj Z[h - k]) / 2`, and `X[k] = E[k] + w^k O[k]`, `X[h - k] = conj(E[k] - w^k O[k])`.
 */
function separate(z: Float64Array, place: Int32Array, turn: Float64Array, out: Float64Array): void {
  const half = place.length;
  out[0] = Math.abs(z[0] + z[1]);
  out[half] = Math.abs(z[0] - z[1]);
  for (let k = 1, j = half - 1; k <= j; k++, j--) {
    const a = place[k];
    const b = place[j];
    const ar = z[a];
    const ai = z[a + 1];
    const br = z[b];
    const bi = z[b + 1];
    const evenReal = ar + br;
    const evenImaginary = ai - bi;
    const oddReal = ai + bi;
    const oddImaginary = br - ar;
    const wr = turn[2 * k];
    const wi = turn[2 * k + 1];
    const turnedReal = oddReal * wr - oddImaginary * wi;
    const turnedImaginary = oddReal * wi + oddImaginary * wr;
    const sr = evenReal + turnedReal;
    const si = evenImaginary + turnedImaginary;
    const dr = evenReal - turnedReal;
    const di = evenImaginary - turnedImaginary;
    out[k] = 0.5 * Math.sqrt(sr * sr + si * si);
    out[j] = 0.5 * Math.sqrt(dr * dr + di * di);
  }
}
