import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { frechetDistance } from './frechet-distance';
import { FrechetStatistics } from './frechet-statistics';

type Case = {
  name: string;
  dimension: number;
  samples: [number, number];
  octaves: number;
  shift: number;
  seeds: [number, number];
  exact: number;
  sqrtm?: number;
};
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/frechet.json', import.meta.url), 'utf8')) as {
  cases: Case[];
};

function statisticsOf(rows: Float64Array, dimension: number): FrechetStatistics {
  const statistics = new FrechetStatistics(dimension);
  statistics.update(rows);
  return statistics;
}

describe.each(fixture.cases)(
  'frechetDistance: $name',
  ({ dimension, samples, octaves, shift, seeds, exact, sqrtm }) => {
    const sets = [0, 1].map((set) =>
      statisticsOf(formulaFeatures(samples[set], dimension, octaves, set * shift, seeds[set]), dimension),
    );
    const distance = frechetDistance(sets[0], sets[1]);

    test('equals the value of the samples themselves, by singular values', () => {
      expect(Math.abs(distance.value / exact - 1)).toBeLessThan(1e-12); // measured 4e-14 at most
    });

    test('equals SciPy, by sqrtm', () => {
      if (sqrtm === undefined) return; // one feature: sqrtm takes matrices
      expect(Math.abs(distance.value / sqrtm - 1)).toBeLessThan(1e-7); // measured 2e-8 of few samples (sqrtm's own), else 1e-13
    });

    test('tells the ranks, is symmetric, and needs no number of samples', () => {
      expect(distance.ranks).toEqual(samples.map((count) => Math.min(dimension, count - 1)));
      const back = frechetDistance(sets[1], sets[0]);
      // measured 2.6e-15: float64 sums in another order
      expect(Math.abs(back.value / distance.value - 1)).toBeLessThan(5e-14);
      const [a, b] = sets.map((set) => set.moments()).map(({ mean, covariance }) => ({ mean, covariance }));
      const unknown = frechetDistance(a, b);
      expect(Math.abs(unknown.value / distance.value - 1)).toBe(0);
      expect(unknown.ranks).toEqual(distance.ranks);
    });
  },
);

test('the distance of a set to itself is 0, and of a shifted copy the square of the shift', () => {
  const rows = formulaFeatures(50, 30, 3, 0, 1);
  const [a, b] = [
    statisticsOf(rows, 30),
    statisticsOf(
      rows.map((value) => value + 0.5),
      30,
    ),
  ];
  expect(frechetDistance(a, a).value).toBeLessThan(1e-14); // measured 4.4e-16
  // measured 0; a step of float64 at 7.5 is 8.9e-16, and 30 terms are summed
  expect(frechetDistance(a, b).value).toBeCloseTo(30 * 0.25, 13);
});

test('of normal distributions on two axes it is the formula by hand', () => {
  const moments = (mean: number[], first: number, second: number) => ({
    mean: Float64Array.from(mean),
    covariance: Float64Array.of(first, 0, 0, second),
  });
  const { value, meanTerm, covarianceTerm } = frechetDistance(moments([1, 2], 4, 9), moments([1, 5], 1, 16));
  expect(meanTerm).toBe(9);
  expect(covarianceTerm).toBeCloseTo((2 - 1) ** 2 + (3 - 4) ** 2, 13); // measured 3.6e-15, eight steps of float64 at 2
  expect(value).toBeCloseTo(11, 13); // measured 3.6e-15
});

test('frechetDistance refuses sets of other sizes and broken moments', () => {
  const [a, b] = [2, 3].map((size) => statisticsOf(formulaFeatures(9, size, 0, 0, 1), size));
  expect(() => frechetDistance(a, b)).toThrow('frechetDistance: b must be of 2 features a sample, as a, got 3');
  const { mean, covariance } = a.moments();
  expect(() => frechetDistance({ mean, covariance: covariance.subarray(1) }, b)).toThrow(
    'a.covariance must be a Float64Array of 2 * 2 numbers, got 3',
  );
  covariance[2] = Number.NaN;
  expect(() => frechetDistance(b, { mean, covariance })).toThrow('b.covariance must be finite, got NaN at 2');
});
