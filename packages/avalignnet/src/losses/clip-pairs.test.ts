import { expect, test } from 'vitest';
import { clipPairs } from './clip-pairs';

test('clipPairs sorts the pairs of a batch by clip', () => {
  const pairs = clipPairs('test', [4, 4, 7], 3);
  expect([...pairs.sameClip]).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 1]);
  expect(pairs).toMatchObject({ rows: 3, sameClipNegatives: 2, otherClipNegatives: 4 });
});

test('clipPairs refuses a list without one entry per row', () => {
  expect(() => clipPairs('test', [1, 2], 3)).toThrow(
    'test: clips must be the clip index of each of the 3 rows, got 2 of them',
  );
});
