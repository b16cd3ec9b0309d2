import { expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { choleskyFactor } from './cholesky-factor';
import { FrechetStatistics } from './frechet-statistics';

function covarianceOf(samples: number, dimension: number, octaves = 0): Float64Array {
  const statistics = new FrechetStatistics(dimension);
  statistics.update(formulaFeatures(samples, dimension, octaves, 0, 5));
  return statistics.moments().covariance;
}

/** Largest entry of `S - Fᵀ F`. */
function misfit(covariance: Float64Array, dimension: number, factor: { data: Float64Array; rows: number }): number {
  let largest = 0;
  for (let i = 0; i < dimension; i++) {
    for (let j = 0; j < dimension; j++) {
      let sum = 0;
      for (let k = 0; k < factor.rows; k++) sum += factor.data[k * dimension + i] * factor.data[k * dimension + j];
      largest = Math.max(largest, Math.abs(sum - covariance[i * dimension + j]));
    }
  }
  return largest;
}

test.each([
  ['full rank', 90, 40, 0, 40],
  ['wide range of scales', 90, 40, 20, 40],
  ['fewer samples than axes', 12, 30, 0, 11],
  ['two samples', 2, 9, 0, 1],
])('the factor gives the matrix back and has as many rows as its rank: %s', (_, samples, dimension, octaves, rank) => {
  const covariance = covarianceOf(samples, dimension, octaves);
  const factor = choleskyFactor(covariance, dimension);
  expect([factor.rows, factor.columns]).toEqual([rank, dimension]);
  expect(misfit(covariance, dimension, factor)).toBeLessThan(1e-15); // entries up to 0.1
});

test('a known rank ends it, and of zeros nothing is left', () => {
  expect(choleskyFactor(covarianceOf(90, 20), 20, 7).rows).toBe(7);
  expect(choleskyFactor(new Float64Array(16), 4)).toEqual({ data: new Float64Array(0), rows: 0, columns: 4 });
});

test('what rounding made negative counts as zero', () => {
  expect(choleskyFactor(Float64Array.of(4, 0, 0, -1e-17), 2)).toEqual({
    data: Float64Array.of(2, 0),
    rows: 1,
    columns: 2,
  });
});
