import { expect, test } from 'vitest';
import { evenShare } from './even-share';

test.each([
  [72, 5],
  [7, 7],
  [512, 16],
  [1, 1],
])('evenShare cuts %d rows into %d runs that follow one another', (rows, parts) => {
  const shares = Array.from({ length: parts }, (_, part) => evenShare(rows, part, parts));
  expect(shares[0][0]).toBe(0);
  expect(shares[parts - 1][1]).toBe(rows);
  for (let part = 1; part < parts; part++) expect(shares[part][0]).toBe(shares[part - 1][1]);
  const lengths = shares.map(([first, end]) => end - first);
  expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
});

test('evenShare refuses more parts than rows, and a part that is not there', () => {
  expect(() => evenShare(2, 0, 3)).toThrow('evenShare: rows must be at least 3, one a part, got 2');
  expect(() => evenShare(3, 3, 3)).toThrow('evenShare: part must be from 0 to 2, got 3');
  expect(() => evenShare(3, 0, 0)).toThrow('evenShare: parts must be a whole number from 1, got 0');
});
