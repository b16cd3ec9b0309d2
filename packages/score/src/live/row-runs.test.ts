import { expect, test } from 'vitest';
import { RowRuns } from './row-runs';

test('RowRuns joins consecutive rows, parts them at gaps, and keeps rows that come twice', () => {
  const runs = new RowRuns(1);
  runs.add(3, Float32Array.of(3, 4));
  runs.add(5, Float32Array.of(5));
  runs.add(4, Float32Array.of(-1, -1, 6));
  runs.add(10, Float32Array.of(10));
  runs.add(2, Float32Array.of(-1));
  expect(runs.end).toBe(11);
  expect(runs.runs.map(({ from, to, rows }) => [from, to, [...rows(from, to)]])).toEqual([
    [3, 7, [3, 4, 5, 6]],
    [10, 11, [10]],
  ]);
});

test('RowRuns forgets rows and whole runs', () => {
  const runs = new RowRuns(2);
  runs.add(0, new Float32Array(8));
  runs.add(8, new Float32Array(8).fill(1));
  runs.dropBefore(9);
  expect(runs.held).toBe(3);
  expect(runs.runs.map(({ from, to }) => [from, to])).toEqual([[9, 12]]);
});
