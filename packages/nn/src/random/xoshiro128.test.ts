import { expect, test } from 'vitest';
import { Xoshiro128 } from './xoshiro128';

test('xoshiro128** runs as published: the state 1, 2, 3, 4 gives 11520, 0, 5927040', () => {
  const generator = new Xoshiro128([1, 2, 3, 4]);
  expect([generator.next(), generator.next(), generator.next()]).toEqual([11520, 0, 5927040]);
});
