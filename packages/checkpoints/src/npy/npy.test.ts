import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { join } from '../testing/hostile-files';
import { decodeNpy, encodeNpy, isNpy, readNpyHeader } from './npy';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/torch/${name}`, import.meta.url)));
/** An npy file with the header given as it stands. */
function npy(header: string, data: Uint8Array, major = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const length =
    major === 1
      ? Uint8Array.of(text.length & 255, text.length >> 8)
      : new Uint8Array(Uint32Array.of(text.length).buffer);
  return join([Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0), length, text, data]);
}
const header = (descr: string, shape: string, order = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }      \n`;

describe('decodeNpy', () => {
  test('reads what numpy wrote, C and Fortran order alike', () => {
    const [rows, columns] = [decodeNpy(fixture('c-order.npy')), decodeNpy(fixture('fortran.npy'))];
    expect([rows.dtype, columns.dtype]).toEqual(['float32', 'float64']);
    expect([rows.shape, columns.shape]).toEqual([
      [2, 3, 4],
      [2, 3, 4],
    ]);
    expect(rows.data).toEqual(Float32Array.from(columns.data as Float64Array));
    expect([...(columns.data as Float64Array)]).toEqual(Array.from({ length: 24 }, (_, i) => i / 7));
    expect(decodeNpy(fixture('scalar.npy'))).toMatchObject({ dtype: 'float16', shape: [] });
  });

  test.each([1, 2, 3])('reads version %d', (major) => {
    expect(decodeNpy(npy(header('<i2', '(2,)'), Uint8Array.of(1, 0, 0xff, 0xff), major))).toEqual({
      dtype: 'int16',
      shape: [2],
      data: Int16Array.of(1, -1),
    });
  });

  test.each([
    ['|b1', '(1,)', 1, 'bool'],
    ['|u1', '()', 1, 'uint8'],
    ['|i1', '(1L,)', 1, 'int8'],
    ['<u2', '(1, 1)', 2, 'uint16'],
    ['<f2', '(1,)', 2, 'float16'],
    ['<i4', '(1,)', 4, 'int32'],
    ['<u4', '(1,)', 4, 'uint32'],
    ['<i8', '(1,)', 8, 'int64'],
    ['<u8', '(1,)', 8, 'uint64'],
    ['<f8', '(0, 7)', 0, 'float64'],
    ['=f4', '(1,)', 4, 'float32'],
  ])('reads %s %s', (descr, shape, bytes, dtype) => {
    expect(decodeNpy(npy(header(descr, shape), new Uint8Array(bytes)))).toMatchObject({ dtype });
  });

  test.each<[string, Uint8Array, string]>([
    ['another file', new Uint8Array(20), 'an npy file, got another one'],
    ['version 4', npy(header('<f4', '(1,)'), new Uint8Array(4), 4), 'of version 1 to 3, got 4.0'],
    ['big-endian numbers', npy(header('>f4', '(1,)'), new Uint8Array(4)), 'got >f4'],
    ['objects', npy(header('|O', '(1,)'), new Uint8Array(8)), 'got |O'],
    [
      'records',
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", new Uint8Array(4)),
      'of plain numbers with descr',
    ],
    ['negative sizes', npy(header('<f4', '(-1,)'), new Uint8Array(4)), 'of plain numbers with descr'],
    [
      'sizes beyond counting',
      npy(header('<f4', `(${'9'.repeat(20)},)`), new Uint8Array(4)),
      'of a size that a number can hold',
    ],
    [
      'a product beyond counting',
      npy(header('<f4', '(999999999999, 999999999999)'), new Uint8Array(4)),
      'of a size that a number can hold',
    ],
    ['33 axes', npy(header('<f4', `(${'1, '.repeat(33)})`), new Uint8Array(4)), 'of a size that a number can hold'],
    ['a name of JS', npy(header('constructor', '(1,)'), new Uint8Array(4)), 'got constructor'],
    ['too few numbers', npy(header('<f4', '(3,)'), new Uint8Array(8)), '12 for float32 [3], got 8'],
    [
      'a header longer than the file',
      npy(header('<f4', '(1,)'), new Uint8Array(4)).subarray(0, 40),
      'with a header of at most 65536 bytes in it',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeNpy(bytes)).toThrow(message);
    expect(() => decodeNpy(bytes)).toThrow(/^decodeNpy: bytes must be /);
  });

  test('a header of commas is no work', () => {
    const started = performance.now();
    expect(() => decodeNpy(npy(header('<f4', `(${'1,'.repeat(30_000)}x)`), new Uint8Array(4), 2))).toThrow('decodeNpy');
    expect(() => decodeNpy(npy(header('<f4', `(${'1'.repeat(60_000)}x)`), new Uint8Array(4), 2))).toThrow('decodeNpy');
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test('isNpy and readNpyHeader need the beginning only', () => {
  const bytes = fixture('fortran.npy');
  expect(isNpy(bytes.subarray(0, 6))).toBe(true);
  expect(isNpy(bytes.subarray(0, 5))).toBe(false);
  expect(readNpyHeader(bytes.subarray(0, 128))).toEqual({
    dtype: 'float64',
    shape: [2, 3, 4],
    columnMajor: true,
    start: 128,
  });
});

describe('encodeNpy', () => {
  test('writes the bytes that numpy wrote', () => {
    for (const name of ['c-order.npy', 'scalar.npy'])
      expect(encodeNpy(decodeNpy(fixture(name)))).toEqual(fixture(name));
  });

  test('what it writes is read again', () => {
    const array = { dtype: 'int64' as const, shape: [3], data: BigInt64Array.of(1n, -2n, 3n) };
    expect(decodeNpy(encodeNpy(array))).toEqual(array);
    expect(decodeNpy(encodeNpy({ dtype: 'float32', shape: [0, 29], data: new Float32Array(0) })).shape).toEqual([
      0, 29,
    ]);
  });

  test('refuses what numpy has no name for, and a shape that does not fit', () => {
    expect(() => encodeNpy({ dtype: 'bfloat16', shape: [1], data: new Uint16Array(1) })).toThrow(
      'encodeNpy: array.dtype must be float64, float32',
    );
    expect(() => encodeNpy({ dtype: 'float32', shape: [2, 2], data: new Float32Array(3) })).toThrow(
      'array.data must be 4 values for [2, 2], got 3',
    );
  });
});
