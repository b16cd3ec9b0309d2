import { describe, expect, test } from 'vitest';
import { MAX_HEADER_BYTES, readSafetensorsHeader, safetensorsHeaderLength } from './safetensors-header';

const read = (json: string, dataBytes = 0) => readSafetensorsHeader('f', new TextEncoder().encode(json), dataBytes);

describe('readSafetensorsHeader', () => {
  test('reads tensors in the order of the file, with white space and escapes where JSON has them', () => {
    const json = `{ "b" : {"data_offsets":[4, 6] ,"shape":[2],"dtype":"U8"},
      "a\\u00e9\\"\\\\" : {"dtype":"F32","shape":[ ],"data_offsets":[0,4]} , "__metadata__": {"k\\n": "v\\ud83d\\ude00", "": ""} }  `;
    expect(read(json, 6)).toEqual({
      infos: [
        { name: 'aé"\\', dtype: 'float32', shape: [], begin: 0, end: 4 },
        { name: 'b', dtype: 'uint8', shape: [2], begin: 4, end: 6 },
      ],
      metadata: { 'k\n': 'v😀', '': '' },
    });
    expect(read('{}')).toEqual({ infos: [], metadata: {} });
    expect(read('{"__metadata__":{"__proto__":"x"}}').metadata).toHaveProperty(['__proto__'], 'x');
  });

  test('agrees with JSON.parse about what a string is', () => {
    for (const name of ['"', '\\', '\\"', '\\\\"', '\u2028', '\u0000', '}', '":{', '\ud800']) {
      const json = JSON.stringify({ [name]: { dtype: 'U8', shape: [1], data_offsets: [0, 1] } });
      expect(read(json, 1).infos[0].name).toBe(name);
    }
  });

  test.each([
    ['{', 'JSON header: a string, got its end'],
    ['{"a', 'a string that ends'],
    ['{"a\\"', 'a string that ends'],
    ['{"a\\x":1}', 'a string, got ""a\\x":1}" at character 1'],
    ['{"a"}', 'JSON header: :, got "}"'],
    ['{"a":{}', 'of a dtype of'],
    ['{"__metadata__":{},}', 'JSON header: a string'],
    ['{} x', 'nothing after it, got "x" at character 3'],
    ['{"__metadata__":[]}', '__metadata__ must be strings by name, got ['],
    ['{"__metadata__":{"a":"b","a":"c"}}', 'unique, got a'],
    ['{"__metadata__":{},"__metadata__":{}}', 'unique, got __metadata__'],
    ['{"a":{"dtype":"U8","dtype":"U8"}}', 'unique, got dtype'],
    ['{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":[]}}', 'by dtype, shape and data_offsets, got more'],
    ['{"a":{"dtype":{},"shape":[1]}}', 'must be'],
    [`{"a":{"shape":[${'1,'.repeat(40)}1]}}`, 'a list of at most 32 numbers'],
    [`{"a":{"shape":${'['.repeat(1e6)}`, 'a list of at most 32 numbers, got "[[['],
    [`{"a":${'['.repeat(1e6)}`, 'described by an object'],
  ])('refuses %.60s', (json, message) => {
    expect(() => read(json, 1)).toThrow(message);
    expect(() => read(json, 1)).toThrow(/^f: bytes/);
  });

  test('a string of a million escaped quotes is no work', () => {
    const name = '"\\'.repeat(500_000);
    const started = performance.now();
    expect(read(`{"__metadata__":{"a":${JSON.stringify(name)}}}`).metadata.a).toBe(name);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

test('safetensorsHeaderLength takes a header of 16 MiB and refuses one byte more', () => {
  const head = (length: number) => new Uint8Array(new BigUint64Array([BigInt(length)]).buffer);
  expect(safetensorsHeaderLength('f', head(MAX_HEADER_BYTES), 2 ** 30)).toBe(MAX_HEADER_BYTES);
  expect(() => safetensorsHeaderLength('f', head(MAX_HEADER_BYTES + 1), 2 ** 30)).toThrow(
    'f: bytes: header length must be at most 16777216',
  );
});

test('readSafetensorsHeader refuses more than 100,000 names', () => {
  const tensors = (count: number) =>
    Array.from({ length: count }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
  const texts = (count: number) => Array.from({ length: count }, (_, i) => `"${i}":""`);
  expect(read(`{${tensors(1000)}}`).infos.length).toBe(1000);
  expect(() => read(`{${tensors(100_001)}}`)).toThrow('names in the header must be at most 100000, got more');
  expect(() => read(`{"__metadata__":{${texts(100_001)}}}`)).toThrow('__metadata__ must be at most 100000 strings');
});
