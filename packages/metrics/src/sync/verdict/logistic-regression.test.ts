import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { logisticRegression } from './logistic-regression';

const fixture = JSON.parse(readFileSync(new URL('../../../fixtures/calibration.json', import.meta.url), 'utf8')) as {
  rows: number[][];
  labels: boolean[];
  coefficients: number[];
};

test('logisticRegression finds the maximum that SciPy finds', () => {
  const found = logisticRegression(fixture.rows, fixture.labels);
  expect(found).toHaveLength(3);
  for (const [i, value] of fixture.coefficients.entries()) expect(Math.abs(found[i] - value)).toBeLessThan(1e-6);
});

test('rows that are told apart without error have finite coefficients, and the order of rows does not matter', () => {
  const rows = [-3, -2, -1, 1, 2, 3].map((x) => [1, x]);
  const labels = rows.map(([, x]) => x > 0);
  const found = logisticRegression(rows, labels);
  expect(found[0]).toBeCloseTo(0, 6);
  expect(found[1]).toBeGreaterThan(3);
  expect(found[1]).toBeLessThan(20);
  expect(logisticRegression([...rows].reverse(), [...labels].reverse())[1]).toBeCloseTo(found[1], 6);
});

test('logisticRegression refuses nothing', () => {
  expect(() => logisticRegression([], [])).toThrow('logisticRegression: rows must be at least one, got none');
});
