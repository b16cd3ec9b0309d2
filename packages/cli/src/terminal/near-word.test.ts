import { expect, test } from 'vitest';
import { nearWord } from './near-word';

test.each([
  ['genrator', 'generator'],
  ['geneartor', 'generator'],
  ['generater', 'generator'],
  ['exprt', 'expert'],
  ['generator', undefined],
  ['clips', undefined],
  ['gen', undefined],
  ['', undefined],
])('the word near %j is %j', (word, near) => {
  expect(nearWord(word, ['expert', 'generator'])).toBe(near);
});

test('the nearest of several, and none of words so short that two letters are most of them', () => {
  expect(nearWord('scare', ['store', 'score'])).toBe('score');
  expect(nearWord('dab', ['dub', 'add'])).toBe('dub');
  expect(nearWord('bd', ['dub'])).toBeUndefined();
});
