import { assertFeatures, type Features, fail } from '@lipsync/contracts';
import * as tf from '@tensorflow/tfjs-core';
import { localWeights } from './local-weights';
import { NearestCandidates } from './nearest-candidates';

/** Options of `FeatureManifold`. */
export type FeatureManifoldOptions = {
  /** Nearest vectors of the base from which a vector is rebuilt. Default 10, at most the number of vectors. */
  neighbours?: number;
  /**
   * Share of the neighbours' mean squared distance that is added to the diagonal of their Gram matrix; 0 to below 1.
   * Default 1e-6: the reference has none, and fails where two neighbours are equal.
   */
  ridge?: number;
  /** Share of the projection in the result, 0..1; the rest is the vector itself. Default 1. */
  blend?: number;
};

/** Vectors of the base for one product: 8 MB of 512 values. */
const ROWS = 4096;
/** Vectors that are projected together. */
const QUERIES = 64;

/**
 * The audio features of one person as a base on which the features of any voice are projected, so that networks that
 * know only this person get what they know.
 *
 * Each vector `h` becomes `blend · sum of w_k f_k + (1 - blend) · h`: the `f_k` are its nearest neighbours in the base
 * (Euclidean), the weights sum to 1 and bring the sum nearest to `h` (locally linear embedding).
 *
 * The search is exact: scalar products of all pairs by the backend in float32, then the distances in float64 of the
 * few vectors that rounding leaves undecided. Equal distances: the first in the base comes first.
 *
 * Source: Live Speech Portraits, "manifold projection"; the ridge is ours. Largest difference from SciPy 1.10's least
 * squares in float64: see README.
 *
 * Holds the base as tensors (as large as `base.data`) until `dispose()`.
 *
 * @throws TypeError or RangeError for a base that is empty, shorter than `neighbours` or not finite, or for options out
 *   of range.
 * @example
 * import { FeatureManifold } from '@lipsync/portraits';
 * const manifold = new FeatureManifold({ data: new Float32Array(600 * 512), steps: 600, bins: 512 });
 * const voice = { data: new Float32Array(512), steps: 1, bins: 512 };
 * const projected = await manifold.project(voice); // { data, steps: 1, bins: 512 }
 * manifold.dispose();
 */
export class FeatureManifold {
  readonly neighbours: number;
  readonly ridge: number;
  readonly blend: number;
  readonly #base: Features;
  /** `|f|²` of each vector. */
  readonly #squares: Float64Array;
  /** Largest `|f|`. */
  readonly #longest: number;
  /** The base, `[up to ROWS, bins]` each. */
  readonly #parts: tf.Tensor2D[];
  #isDisposed = false;

  /** @param base `[steps, bins]`; kept, and not to be changed until `dispose()`. */
  constructor(base: Features, { neighbours = 10, ridge = 1e-6, blend = 1 }: FeatureManifoldOptions = {}) {
    const where = 'FeatureManifold';
    assertFeatures(where, base);
    assertFinite(where, 'base', base);
    if (!(base.bins >= 1)) fail(RangeError, where, 'base.bins', 'a whole number from 1', base.bins);
    if (!(Number.isInteger(neighbours) && neighbours >= 1))
      fail(RangeError, where, 'neighbours', 'a whole number from 1', neighbours);
    if (base.steps < neighbours)
      fail(RangeError, where, 'base', `of at least ${neighbours} vectors (neighbours)`, base.steps);
    if (!(ridge >= 0 && ridge < 1)) fail(RangeError, where, 'ridge', 'from 0 to below 1', ridge);
    if (!(blend >= 0 && blend <= 1)) fail(RangeError, where, 'blend', 'from 0 to 1', blend);
    this.neighbours = neighbours;
    this.ridge = ridge;
    this.blend = blend;
    this.#base = base;
    this.#squares = squaresOf(base);
    this.#longest = Math.sqrt(this.#squares.reduce((largest, square) => Math.max(largest, square), 0));
    this.#parts = [];
    for (let from = 0; from < base.steps; from += ROWS) {
      const rows = Math.min(ROWS, base.steps - from);
      const values = base.data.slice(from * base.bins, (from + rows) * base.bins);
      this.#parts.push(tf.tensor2d(values, [rows, base.bins]));
    }
  }

  /**
   * Projects every vector. The results of vectors do not depend on each other, so a stream may be projected in pieces of
   * any length.
   *
   * @param features `[steps, bins]` with the base's bins; borrowed.
   * @returns float32 `[steps, bins]`; the caller's.
   * @throws TypeError for other bins, RangeError for values that are not finite, Error after `dispose()`.
   */
  async project(features: Features): Promise<Features> {
    const where = 'FeatureManifold.project';
    if (this.#isDisposed) fail(Error, where, 'this manifold', 'in use', 'one that was disposed');
    assertFeatures(where, features);
    const { bins } = this.#base;
    if (features.bins !== bins) fail(TypeError, where, 'features.bins', `${bins}, as in the base`, features.bins);
    assertFinite(where, 'features', features);
    const data = new Float32Array(features.data.length);
    for (let from = 0; from < features.steps; from += QUERIES) {
      const steps = Math.min(QUERIES, features.steps - from);
      const piece = { data: features.data.subarray(from * bins, (from + steps) * bins), steps, bins };
      const found = await this.#candidates(piece);
      for (let step = 0; step < steps; step++) {
        const vector = piece.data.subarray(step * bins, (step + 1) * bins);
        this.#blend(vector, this.#nearest(vector, found[step]), data.subarray((from + step) * bins));
      }
    }
    return { data, steps: features.steps, bins };
  }

  /** Frees the tensors. Safe to call twice. */
  dispose(): void {
    this.#isDisposed = true;
    tf.dispose(this.#parts);
  }

  /** For each vector the indices that may be among its nearest. */
  async #candidates({ data, steps, bins }: Features): Promise<number[][]> {
    const queries = tf.tidy(() => tf.transpose(tf.tensor2d(data.slice(), [steps, bins]))); // [bins, steps]
    const squares = squaresOf({ data, steps, bins });
    const found = Array.from(squares, (square) => {
      // |f|² - 2 f·h. A sum of n products in float32 is off by at most about n 2^-24 |f| |h|.
      return new NearestCandidates(this.neighbours, 2 * (bins + 2) * 2 ** -24 * this.#longest * Math.sqrt(square));
    });
    try {
      for (const [part, base] of this.#parts.entries()) {
        const products = tf.matMul(base, queries); // [rows, steps]
        const values = await products.data();
        products.dispose();
        this.#collect(found, values as Float32Array, part * ROWS);
      }
    } finally {
      queries.dispose();
    }
    return found.map((each) => each.indices());
  }

  /** Adds the scores of one part of the base, whose first vector is `from`. @param products `[rows * steps]`. */
  #collect(found: NearestCandidates[], products: Float32Array, from: number): void {
    const steps = found.length;
    const rows = products.length / steps;
    for (const [step, candidates] of found.entries()) {
      let { limit } = candidates;
      for (let row = 0; row < rows; row++) {
        const score = this.#squares[from + row] - 2 * products[row * steps + step];
        if (score > limit) continue;
        candidates.add(from + row, score);
        limit = candidates.limit;
      }
    }
  }

  /** The nearest of the candidates, nearest first, by distances in float64. */
  #nearest(vector: Float32Array, candidates: number[]): number[] {
    const { data, bins } = this.#base;
    const distances = new Map(
      candidates.map((index) => {
        let sum = 0;
        for (let i = 0; i < bins; i++) sum += (data[index * bins + i] - vector[i]) ** 2;
        return [index, sum] as const;
      }),
    );
    const byDistance = (a: number, b: number) => distances.get(a)! - distances.get(b)! || a - b;
    return candidates.sort(byDistance).slice(0, this.neighbours);
  }

  /** Writes the projection of a vector to the start of `out`. */
  #blend(vector: Float32Array, nearest: number[], out: Float32Array): void {
    const { data, bins } = this.#base;
    const count = nearest.length;
    const neighbours = new Float32Array(count * bins);
    nearest.forEach((index, k) => neighbours.set(data.subarray(index * bins, (index + 1) * bins), k * bins));
    const weights = localWeights(vector, neighbours, { count, size: bins, ridge: this.ridge });
    for (let i = 0; i < bins; i++) {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += weights[k] * neighbours[k * bins + i];
      out[i] = this.blend * sum + (1 - this.blend) * vector[i];
    }
  }
}

/** `|f|²` of each vector, in float64. */
function squaresOf({ data, steps, bins }: Features): Float64Array {
  return Float64Array.from({ length: steps }, (_, step) => {
    let sum = 0;
    for (let i = 0; i < bins; i++) sum += data[step * bins + i] ** 2;
    return sum;
  });
}

function assertFinite(where: string, name: string, { data, bins }: Features): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i]))
      fail(RangeError, where, `${name}.data`, 'finite', `${data[i]} at step ${Math.floor(i / bins)}`);
  }
}
