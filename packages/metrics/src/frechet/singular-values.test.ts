import { expect, test } from 'vitest';
import { formulaFeatures } from '../testing/formula-features';
import { singularValues } from './singular-values';

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((total, value) => total + value, 0);

test('singularValues of small matrices are the known ones', () => {
  const two = singularValues({ data: Float64Array.of(3, 0, 4, 5), rows: 2, columns: 2 });
  expect(two[0]).toBeCloseTo(3 * Math.sqrt(5), 14); // measured 8.9e-16 here and below: one step of float64
  expect(two[1]).toBeCloseTo(Math.sqrt(5), 14);
  expect(singularValues({ data: Float64Array.of(3, -4), rows: 1, columns: 2 })[0]).toBeCloseTo(5, 14);
  expect(singularValues({ data: Float64Array.of(-2), rows: 1, columns: 1 })[0]).toBeCloseTo(2, 14);
  expect([...singularValues({ data: new Float64Array(6), rows: 3, columns: 2 })]).toEqual([0, 0]);
  expect([...singularValues({ data: new Float64Array(0), rows: 0, columns: 5 })]).toEqual([]);
});

test('a diagonal over 30 orders of magnitude keeps its values to the rounding of the largest', () => {
  const size = 16;
  const data = new Float64Array(size * size);
  for (let i = 0; i < size; i++) data[i * size + ((i * 5) % size)] = (-1) ** i * 10 ** (-2 * i);
  const values = singularValues({ data, rows: size, columns: size });
  values.forEach((value, i) => expect(Math.abs(value - 10 ** (-2 * i))).toBeLessThan(1e-15)); // measured 2.2e-16
});

test.each([
  [7, 7],
  [23, 9],
  [9, 23],
  [61, 58],
])('squares of the values of a %d x %d matrix sum to its squares, and their order is falling', (rows, columns) => {
  const data = formulaFeatures(rows, columns, 5, 0, 4);
  const kept = data.slice();
  const values = singularValues({ data, rows, columns });
  expect(data).toEqual(kept);
  expect(values.length).toBe(Math.min(rows, columns));
  // measured 1.3e-15: sums of up to 3538 squares
  expect(sum(values.map((value) => value ** 2)) / sum(data.map((value) => value ** 2))).toBeCloseTo(1, 13);
  expect(Array.from(values)).toEqual([...values].sort((a, b) => b - a));
});

test('values of a product of rank 3 are zero beyond the third', () => {
  const [left, right] = [formulaFeatures(20, 3, 0, 0, 1), formulaFeatures(3, 15, 0, 0, 2)];
  const data = Float64Array.from({ length: 20 * 15 }, (_, at) => {
    const [i, j] = [Math.floor(at / 15), at % 15];
    return left[3 * i] * right[j] + left[3 * i + 1] * right[15 + j] + left[3 * i + 2] * right[30 + j];
  });
  const values = singularValues({ data, rows: 20, columns: 15 });
  expect(values[2]).toBeGreaterThan(0.1);
  expect(Math.max(...values.subarray(3))).toBeLessThan(1e-14); // measured 2.8e-15, the rounding of values of about 10
});
