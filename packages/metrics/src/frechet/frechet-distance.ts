import { fail } from '@lipsync/contracts';
import { choleskyFactor, type Matrix } from './cholesky-factor';
import { assertMoments, type FrechetMoments } from './frechet-moments';
import { FrechetStatistics } from './frechet-statistics';
import { singularValues } from './singular-values';

export type FrechetDistance = {
  /** `meanTerm + covarianceTerm`, at least 0. */
  value: number;
  /** `|mean_a - mean_b|²`. */
  meanTerm: number;
  /** `Tr(S_a + S_b - 2 (S_a S_b)^½)`. */
  covarianceTerm: number;
  /** Ranks of both covariances; below their dimension where there were too few samples. */
  ranks: [number, number];
};

/**
 * Fréchet distance of two normal distributions, on which FID and FVD are based:
 * `|m_a - m_b|² + Tr(S_a + S_b - 2 (S_a S_b)^½)`. Lower is better, 0 for equal sets.
 *
 * With `S_a = Aᵀ A` and `S_b = Bᵀ B` (pivoted Cholesky), the eigenvalues of `S_a S_b` are the squares of the singular
 * values of `A Bᵀ`, so the trace of the root is their sum. Nothing is inverted, no root is taken of a
 * rounding error, and covariances of few samples (rank below d) are an ordinary case.
 *
 * pytorch-fid takes `scipy.linalg.sqrtm` of the product instead; where that is not finite, as for singular covariances,
 * it adds 1e-6 to both diagonals, and where it is complex it drops the imaginary part. Neither is needed here: the
 * result is the limit that the offset approaches. Relative difference from SciPy's `sqrtm`: 1e-13 where both are of
 * full rank; where not, 2e-8, of which 1e-15 remain against singular values of the samples themselves. 2048 features
 * take 20 seconds, which block the thread.
 *
 * @param a Statistics, or moments of them.
 * @param b The other set; with as many features per sample.
 * @throws TypeError if the sizes differ.
 * @example
 * const { value } = frechetDistance(real, generated);
 */
export function frechetDistance(
  a: FrechetStatistics | FrechetMoments,
  b: FrechetStatistics | FrechetMoments,
): FrechetDistance {
  const [first, second] = [momentsOf('a', a), momentsOf('b', b)];
  const dimension = first.mean.length;
  if (second.mean.length !== dimension) {
    fail(TypeError, 'frechetDistance', 'b', `of ${dimension} features a sample, as a`, second.mean.length);
  }
  let meanTerm = 0;
  for (let i = 0; i < dimension; i++) meanTerm += (first.mean[i] - second.mean[i]) ** 2;
  let traces = 0;
  for (let i = 0; i < dimension; i++)
    traces += first.covariance[i * (dimension + 1)] + second.covariance[i * (dimension + 1)];
  const factors = [first, second].map(({ covariance, count }) =>
    choleskyFactor(covariance, dimension, (count ?? Infinity) - 1),
  );
  const root = singularValues(timesTransposed(factors[0], factors[1])).reduce((sum, value) => sum + value, 0);
  const covarianceTerm = traces - 2 * root;
  return {
    value: Math.max(0, meanTerm + covarianceTerm),
    meanTerm,
    covarianceTerm,
    ranks: [factors[0].rows, factors[1].rows],
  };
}

function momentsOf(name: string, set: FrechetStatistics | FrechetMoments): FrechetMoments {
  if (set instanceof FrechetStatistics) return set.moments();
  assertMoments('frechetDistance', name, set);
  return set;
}

/** `a bᵀ` of matrices with equally many columns, four by four dot products at a time. */
function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const { columns } = a;
  const [left, right] = [a.data, b.data];
  const data = new Float64Array(a.rows * b.rows);
  const blockEnd = { a: a.rows - (a.rows % 4), b: b.rows - (b.rows % 4) };
  for (let i = 0; i < blockEnd.a; i += 4) {
    for (let j = 0; j < blockEnd.b; j += 4) {
      let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
      let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
      const [a0, b0] = [i * columns, j * columns];
      for (let k = 0; k < columns; k++) {
        const l0 = left[a0 + k];
        const l1 = left[a0 + columns + k];
        const l2 = left[a0 + 2 * columns + k];
        const l3 = left[a0 + 3 * columns + k];
        const r0 = right[b0 + k];
        const r1 = right[b0 + columns + k];
        const r2 = right[b0 + 2 * columns + k];
        const r3 = right[b0 + 3 * columns + k];
        s00 += l0 * r0;
        s01 += l0 * r1;
        s02 += l0 * r2;
        s03 += l0 * r3;
        s10 += l1 * r0;
        s11 += l1 * r1;
        s12 += l1 * r2;
        s13 += l1 * r3;
        s20 += l2 * r0;
        s21 += l2 * r1;
        s22 += l2 * r2;
        s23 += l2 * r3;
        s30 += l3 * r0;
        s31 += l3 * r1;
        s32 += l3 * r2;
        s33 += l3 * r3;
      }
      const at = i * b.rows + j;
      data.set([s00, s01, s02, s03], at);
      data.set([s10, s11, s12, s13], at + b.rows);
      data.set([s20, s21, s22, s23], at + 2 * b.rows);
      data.set([s30, s31, s32, s33], at + 3 * b.rows);
    }
  }
  for (let i = 0; i < a.rows; i++) {
    for (let j = i < blockEnd.a ? blockEnd.b : 0; j < b.rows; j++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += left[i * columns + k] * right[j * columns + k];
      data[i * b.rows + j] = sum;
    }
  }
  return { data, rows: a.rows, columns: b.rows };
}
