import { expect, test } from 'vitest';
import { NOISE_MASK, noiseTable } from './noise-table';

test('the table is standard normal and made once', () => {
  const table = noiseTable();
  expect(noiseTable()).toBe(table);
  expect(table.length).toBe(NOISE_MASK + 1);
  let [sum, squares] = [0, 0];
  for (const value of table) [sum, squares] = [sum + value, squares + value * value];
  expect(Math.abs(sum / table.length)).toBeLessThan(0.02); // standard error 0.004
  expect(Math.abs(squares / table.length - 1)).toBeLessThan(0.03);
});
