import { expect, test } from 'vitest';
import { ByteCache } from './byte-cache';

test('ByteCache forgets what was unused for longest and stays within its bytes', () => {
  const cache = new ByteCache<string>(10);
  cache.set('a', 'A', 4);
  cache.set('b', 'B', 4);
  cache.get('a');
  cache.set('c', 'C', 4);
  expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.bytes]).toEqual(['A', undefined, 'C', 8]);
});

test('ByteCache does not keep what is larger than its limit, and counts a replaced value once', () => {
  const cache = new ByteCache<number>(10);
  cache.set('a', 1, 6);
  cache.set('a', 2, 7);
  cache.set('huge', 3, 11);
  expect([cache.get('a'), cache.get('huge'), cache.bytes]).toEqual([2, undefined, 7]);
});
