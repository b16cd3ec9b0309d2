import { describe, expect, test } from 'vitest';
import { readFixture } from '../testing/read-fixture';
import { convertFloats, type NamedArray, sizeOf, toFloat16, toFloat32 } from './named-array';

const { halves } = readFixture<{ halves: { values: number[]; bits: number[] } }>('safetensors');
const float = (data: Float32Array): NamedArray => ({ dtype: 'float32', shape: [data.length], data });

describe('named arrays', () => {
  test('toFloat16 rounds as numpy does, overflow, ties and subnormals included', () => {
    const { data } = toFloat16(float(Float32Array.from(halves.values)));
    expect([...data]).toEqual(halves.bits);
  });

  test('every finite half float survives the way to float32 and back', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((value) => (value & 0x7c00) !== 0x7c00);
    const widened = toFloat32({ dtype: 'float16', shape: [bits.length], data: bits });
    expect(toFloat16(float(widened)).data).toEqual(bits);
    expect([...toFloat32({ dtype: 'float16', shape: [3], data: Uint16Array.of(0x7c00, 0xfc00, 0x7e00) })]).toEqual([
      Infinity,
      -Infinity,
      NaN,
    ]);
    expect([...toFloat16(float(Float32Array.of(Infinity, -Infinity, NaN, -0))).data]).toEqual([
      0x7c00, 0xfc00, 0x7e00, 0x8000,
    ]);
  });

  test('toFloat32 hands float32 through and converts integers, bfloat16 and float64', () => {
    const data = Float32Array.of(1, 2);
    expect(toFloat32(float(data))).toBe(data);
    expect([...toFloat32({ dtype: 'int64', shape: [1], data: BigInt64Array.of(-5n) })]).toEqual([-5]);
    expect([...toFloat32({ dtype: 'bfloat16', shape: [2], data: Uint16Array.of(0x3fc0, 0xc049) })]).toEqual([
      1.5, -3.140625,
    ]);
    expect([...toFloat32({ dtype: 'float64', shape: [1], data: Float64Array.of(0.1) })]).toEqual([Math.fround(0.1)]);
  });

  test('toFloat16 leaves integers alone', () => {
    const count: NamedArray = { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) };
    expect(toFloat16(count)).toBe(count);
  });

  test('convertFloats rounds to bfloat16 with ties to even, as PyTorch does', () => {
    // 1 + 2^-8 lies between 1 and 1 + 2^-7, 1 + 3 * 2^-8 between 1 + 2^-7 and 1 + 2^-6: the even one is taken
    const values = Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, -1.01, 0, -0, Infinity, NaN, 2 ** -140);
    const { data } = convertFloats('f', 'x', float(values), 'bfloat16');
    expect([...(data as Uint16Array)]).toEqual([0x3f80, 0x3f80, 0x3f82, 0xbf81, 0, 0x8000, 0x7f80, 0x7fc0, 0]);
  });

  test('convertFloats keeps every bfloat16 on the way to float32 and back, and half floats on theirs', () => {
    for (const [dtype, top] of [
      ['bfloat16', 0x7f80],
      ['float16', 0x7c00],
    ] as const) {
      const bits = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((value) => (value & top) !== top);
      const wide = convertFloats('f', 'x', { dtype, shape: [bits.length], data: bits }, 'float32');
      expect(wide.dtype).toBe('float32');
      expect(convertFloats('f', 'x', wide, dtype).data).toEqual(bits);
    }
  });

  test('convertFloats names the first number that a width cannot hold, and leaves whole numbers alone', () => {
    expect(() => convertFloats('f', 'w', float(Float32Array.of(1, -70000)), 'float16')).toThrow(
      'f: w must be of numbers that float16 can hold, got -70000 at 1',
    );
    expect(() =>
      convertFloats('f', 'w', { dtype: 'float64', shape: [1], data: Float64Array.of(1e39) }, 'float32'),
    ).toThrow('float32 can hold, got 1e+39 at 0');
    expect(() => convertFloats('f', 'w', float(Float32Array.of(3.4e38)), 'bfloat16')).toThrow('bfloat16 can hold');
    const count: NamedArray = { dtype: 'int64', shape: [], data: BigInt64Array.of(3n) };
    expect(convertFloats('f', 'x', count, 'float16')).toBe(count);
  });

  test('sizeOf is 1 for a scalar and 0 with an empty axis', () => {
    expect([sizeOf([]), sizeOf([2, 3]), sizeOf([0, 3])]).toEqual([1, 6, 0]);
  });
});
