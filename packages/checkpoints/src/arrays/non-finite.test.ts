import { expect, test } from 'vitest';
import { type NamedArray, toFloat16 } from './named-array';
import { nonFiniteValues } from './non-finite';

const array = (dtype: NamedArray['dtype'], data: ArrayLike<number> | ArrayLike<bigint>) =>
  ({ dtype, shape: [data.length], data }) as NamedArray;
const bad = [1, Number.NaN, 0, -Infinity, Infinity];

test.each([
  array('float32', Float32Array.from(bad)),
  array('float64', Float64Array.from(bad)),
  toFloat16(array('float32', Float32Array.from(bad))),
  array('bfloat16', Uint16Array.of(0x3f80, 0x7fc0, 0, 0xff80, 0x7f80)),
])('nonFiniteValues counts NaN and infinities of $dtype, and gives the first', (values) => {
  expect(nonFiniteValues(values)).toEqual({ count: 3, value: Number.NaN, index: 1 });
});

test('nonFiniteValues finds nothing in finite floats up to the largest, in integers and in nothing', () => {
  expect(nonFiniteValues(array('float32', Float32Array.of(3.4e38, -3.4e38, 1e-45)))).toBeUndefined();
  expect(nonFiniteValues(array('uint16', Uint16Array.of(0x7fc0)))).toBeUndefined();
  expect(nonFiniteValues(array('int64', BigInt64Array.of(3n)))).toBeUndefined();
  expect(nonFiniteValues(array('float32', new Float32Array(0)))).toBeUndefined();
});
