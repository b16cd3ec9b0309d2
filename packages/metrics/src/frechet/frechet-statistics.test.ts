import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { FrechetStatistics } from './frechet-statistics';

const fixture = JSON.parse(readFileSync(new URL('../../fixtures/frechet.json', import.meta.url), 'utf8'));

function statisticsOf(rows: Float64Array | Float32Array, dimension: number): FrechetStatistics {
  const statistics = new FrechetStatistics(dimension);
  statistics.update(rows);
  return statistics;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a, (value, i) => Math.abs(value - b[i])).reduce((largest, value) => Math.max(largest, value), 0);
}

test('mean and covariance are those of NumPy', () => {
  const { dimension, samples, octaves, seeds, mean, covarianceRow } = fixture.cases[0];
  const moments = statisticsOf(formulaFeatures(samples[0], dimension, octaves, 0, seeds[0]), dimension).moments();
  expect(moments.count).toBe(samples[0]);
  expect(largestDifference(moments.mean, mean)).toBeLessThan(1e-15); // measured 1e-16 of 0.8
  const row = moments.covariance.subarray(5 * dimension, 6 * dimension);
  expect(largestDifference(row, covarianceRow)).toBeLessThan(1e-16); // measured 7e-18 of 0.1
});

test('a mean far from zero costs no accuracy', () => {
  const near = formulaFeatures(500, 6, 0, 0, 3);
  const far = near.map((value) => value + 2 ** 20); // exact but for the last 20 bits
  const back = far.map((value) => value - 2 ** 20);
  const [a, b] = [far, back].map((rows) => statisticsOf(rows, 6).moments());
  expect(largestDifference(a.covariance, b.covariance)).toBeLessThan(1e-9); // measured 1e-11; plain squares are off by 1e-3
});

test('rows in pieces of any size, with looks in between, give the same bits', () => {
  const rows = formulaFeatures(201, 5, 2, 0, 1);
  const whole = statisticsOf(rows, 5).moments();
  const pieces = new FrechetStatistics(5);
  for (let at = 0, size = 1; at < 201; size = (size % 70) + 23) {
    pieces.update(rows.subarray(at * 5, Math.min(201, at + size) * 5));
    at = Math.min(201, at + size);
    if (pieces.count >= 2) pieces.moments();
  }
  expect(pieces.moments()).toEqual(whole);
});

describe.each([
  [100, 130],
  [20, 30],
  [64, 64],
  [0, 40],
])('merging sets of %d and %d samples', (first, second) => {
  test('gives the statistics of both together and leaves the other as it was', () => {
    const rows = formulaFeatures(first + second, 7, 3, 0.5, 2);
    const a = statisticsOf(rows.subarray(0, first * 7), 7);
    const b = statisticsOf(rows.subarray(first * 7), 7);
    const before = b.moments();
    a.merge(b);
    const both = statisticsOf(rows, 7).moments();
    const merged = a.moments();
    expect(merged.count).toBe(first + second);
    // measured 2.2e-16, one step of float64 at 1; the covariances 5.6e-17
    expect(largestDifference(merged.mean, both.mean)).toBeLessThan(1e-15);
    expect(largestDifference(merged.covariance, both.covariance)).toBeLessThan(1e-15);
    expect(b.moments()).toEqual(before);
  });
});

test('statistics go on from moments, and float32 rows are taken', () => {
  const rows = Float32Array.from(formulaFeatures(150, 4, 0, 0, 8));
  const resumed = FrechetStatistics.from(statisticsOf(rows.subarray(0, 90 * 4), 4).moments());
  resumed.update(rows.subarray(90 * 4));
  const [got, wanted] = [resumed.moments(), statisticsOf(rows, 4).moments()];
  expect(got.count).toBe(150);
  expect(largestDifference(got.covariance, wanted.covariance)).toBeLessThan(1e-15); // measured 4.2e-17
});

test('reset starts afresh', () => {
  const rows = formulaFeatures(80, 3, 0, 0, 8);
  const statistics = statisticsOf(formulaFeatures(70, 3, 0, 9, 1), 3);
  statistics.reset();
  expect(() => statistics.moments()).toThrow(
    'FrechetStatistics.moments: count must be at least 2 (call update first), got 0',
  );
  statistics.update(rows);
  expect(statistics.moments()).toEqual(statisticsOf(rows, 3).moments());
});

test('FrechetStatistics refuses what it cannot count', () => {
  expect(() => new FrechetStatistics(0)).toThrow('FrechetStatistics: dimension must be a whole number from 1, got 0');
  const statistics = new FrechetStatistics(2);
  expect(() => statistics.update(Float32Array.of(1, 2, 3))).toThrow(
    'rows must be whole rows of 2 numbers, got 3 numbers',
  );
  expect(() => statistics.update([1, 2] as never)).toThrow('FrechetStatistics.update: rows must be a Float32Array');
  expect(() => statistics.update(Float64Array.of(1, 2, 3, Number.NaN))).toThrow(
    'rows must be finite, got NaN in row 1',
  );
  expect(statistics.count).toBe(0);
  expect(() => statistics.merge(new FrechetStatistics(3))).toThrow(
    'other must be statistics of 2 numbers a sample, got 3',
  );
  expect(() => statistics.merge(statistics)).toThrow('another object');
  const moments = { mean: new Float64Array(2), covariance: new Float64Array(4) };
  expect(() => FrechetStatistics.from(moments)).toThrow(
    'moments.count must be the number of samples, from 2, got undefined',
  );
});
