import { expect, test } from 'vitest';
import { fail } from './fail';

test('fail names the place, the rule and the value', () => {
  expect(() => fail(RangeError, 'melWindow', 'fps', 'above 0', -1)).toThrow(
    new RangeError('melWindow: fps must be above 0, got -1'),
  );
});

test('fail shows lists and objects, and cuts what is too long', () => {
  expect(() => fail(TypeError, 'f', 'x', 'small', [1, 2])).toThrow('got [1, 2]');
  expect(() => fail(TypeError, 'f', 'x', 'small', { a: 1 })).toThrow('got {"a":1}');
  expect(() => fail(TypeError, 'f', 'x', 'small', 'y'.repeat(999))).toThrow(/y{200}…$/);
});

test('fail quotes strings that are empty or have spaces at an end', () => {
  expect(() => fail(TypeError, 'f', 'name', 'a name', '')).toThrow('got ""');
  expect(() => fail(TypeError, 'f', 'name', 'a name', ' a')).toThrow('got " a"');
  expect(() => fail(TypeError, 'f', 'name', 'a name', 'none of them')).toThrow(/got none of them$/);
});
