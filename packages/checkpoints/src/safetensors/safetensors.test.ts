import { describe, expect, test } from 'vitest';
import { type NamedArray, toFloat32 } from '../arrays/named-array';
import { readFixture } from '../testing/read-fixture';
import { decodeSafetensors, encodeSafetensors, safetensorsPieces } from './safetensors';

const fixture = readFixture<{ bytes: string; float32: Record<string, (number | string)[]> }>('safetensors');
const bytes = Uint8Array.from(Buffer.from(fixture.bytes, 'base64'));

/** A file with the header given as it stands. */
function file(header: string | Uint8Array, data: number[] = []): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const result = new Uint8Array(8 + text.length + data.length);
  new DataView(result.buffer).setBigUint64(0, BigInt(text.length), true);
  result.set(text, 8);
  result.set(data, 8 + text.length);
  return result;
}

describe('safetensors', () => {
  test('decodes every type and name of a file made by another program', () => {
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(metadata).toEqual({ format: 'pt' });
    expect([...tensors.keys()].sort()).toEqual(Object.keys(fixture.float32).sort());
    for (const [name, expected] of Object.entries(fixture.float32)) {
      expect([...toFloat32(tensors.get(name) as NamedArray)]).toEqual(
        expected.map(Number).map((v, i) => (expected[i] === 'inf' ? Infinity : v)),
      );
    }
    expect(tensors.get('count')?.data).toEqual(BigInt64Array.of(2n ** 40n, -1n));
    expect(tensors.get('empty')?.shape).toEqual([0, 3]);
  });

  test('encodes to the same bytes, whatever the order it is given', () => {
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(encodeSafetensors(new Map([...tensors].reverse()), metadata)).toEqual(bytes);
  });

  test('is a view of the file where the alignment allows, and a copy elsewhere', () => {
    const { tensors } = decodeSafetensors(bytes);
    for (const { data } of tensors.values()) expect(data.buffer).toBe(bytes.buffer);
    for (const shift of [1, 4]) {
      const shifted = Buffer.alloc(bytes.length + shift);
      shifted.set(bytes, shift);
      expect(decodeSafetensors(shifted.subarray(shift)).tensors).toEqual(tensors);
    }
  });

  test('starts the data on a multiple of 8 and leaves metadata out where there is none', () => {
    const [head, data] = safetensorsPieces(new Map([['x', { dtype: 'uint8', shape: [1], data: Uint8Array.of(7) }]]));
    expect(head.length % 8).toBe(0);
    expect(new TextDecoder().decode(head.subarray(8)).trimEnd()).toBe(
      '{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    );
    expect([...data]).toEqual([7]);
    expect(decodeSafetensors(encodeSafetensors(new Map()))).toEqual({ tensors: new Map(), metadata: {} });
  });

  test('takes names that mean something to JS', () => {
    const tensors = new Map<string, NamedArray>([
      ['__proto__', { dtype: 'uint8', shape: [], data: Uint8Array.of(1) }],
      ['constructor', { dtype: 'uint8', shape: [], data: Uint8Array.of(2) }],
    ]);
    expect(decodeSafetensors(encodeSafetensors(tensors)).tensors).toEqual(tensors);
  });

  const one = (info: string) => `{"x":${info}}`;
  test.each([
    ['an empty file', new Uint8Array(3), /at least 8 bytes, got 3/],
    ['a header beyond the limit', Uint8Array.of(1, 0, 0, 1, 0, 0, 0, 0), /at most 16777216, got 16777217/],
    ['a header of 2^63 bytes', Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128), /at most 16777216/],
    ['a header longer than the file', Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 123), /within the file \(9 bytes\), got 9/],
    ['no JSON', file('{"x"'), /with a JSON header/],
    ['no UTF-8', file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /with a JSON header/],
    ['a header that starts with a space', file(' {}'), /starts with \{/],
    ['a list', file('[]'), /starts with \{/],
    [
      'a name twice',
      file(
        '{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        [1],
      ),
      /unique, got x/,
    ],
    ['metadata that are no strings', file('{"__metadata__":{"a":1}}'), /__metadata__ must be strings by name/],
    [
      'an unknown type',
      file(one('{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}'), [0]),
      /tensor x must be of a dtype of BOOL, .*got F8_E4M3/,
    ],
    [
      'a type that is a name of JS',
      file(one('{"dtype":"toString","shape":[1],"data_offsets":[0,1]}'), [0]),
      /of a dtype/,
    ],
    [
      'a negative side',
      file(one('{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}'), [0]),
      /shape of whole numbers, got \[-1\]/,
    ],
    ['a broken side', file(one('{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}'), [0]), /whole numbers/],
    [
      'a size that overflows',
      file(one('{"dtype":"F64","shape":[4503599627370496,4503599627370496],"data_offsets":[0,8]}'), [0]),
      /size that a number can hold/,
    ],
    [
      'offsets that do not fit the shape',
      file(one('{"dtype":"F32","shape":[2],"data_offsets":[0,4]}'), [0, 0, 0, 0]),
      /8 bytes long for F32 \[2\], got 4/,
    ],
    ['offsets backwards', file(one('{"dtype":"U8","shape":[1],"data_offsets":[1,0]}'), [0]), /1 bytes long/],
    ['one offset', file(one('{"dtype":"U8","shape":[1],"data_offsets":[1]}'), [0]), /two data_offsets/],
    [
      'a hole',
      file(one('{"dtype":"U8","shape":[1],"data_offsets":[1,2]}'), [0, 0]),
      /at 0, after the previous tensor, got 1/,
    ],
    [
      'an overlap',
      file(
        '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}',
        [0, 0, 0],
      ),
      /tensor y must be at 2/,
    ],
    [
      'bytes that belong to nothing',
      file(one('{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'), [0, 0]),
      /bytes must be \d+ bytes long, as its header/,
    ],
    ['a cut file', bytes.subarray(0, bytes.length - 1), /bytes long, as its header/],
    ['a description that is no object', file(one('3')), /described by an object, got 3/],
  ])('decodeSafetensors refuses %s', (_, broken, message) => {
    expect(() => decodeSafetensors(broken)).toThrow(message);
    expect(() => decodeSafetensors(broken)).toThrow(/^decodeSafetensors: /);
  });

  test('encodeSafetensors refuses arrays that are not what they say, and odd metadata', () => {
    const entry = (array: unknown, name = 'x') => new Map([[name, array as NamedArray]]);
    expect(() => encodeSafetensors(entry({ dtype: 'float32', shape: [1], data: new Float64Array(1) }))).toThrow(
      'encodeSafetensors: x must be Float32Array for its dtype',
    );
    expect(() => encodeSafetensors(entry({ dtype: 'float32', shape: [2], data: new Float32Array(1) }))).toThrow(
      'x must be 2 values for [2], got 1',
    );
    expect(() => encodeSafetensors(entry({ dtype: 'complex', shape: [1], data: new Float32Array(1) }))).toThrow(
      /known dtype/,
    );
    expect(() =>
      encodeSafetensors(entry({ dtype: 'uint8', shape: [1], data: new Uint8Array(1) }, '__metadata__')),
    ).toThrow(/__metadata__/);
    expect(() => encodeSafetensors(new Map(), { step: 3 as unknown as string })).toThrow(
      /metadata must be strings by name/,
    );
  });
});
