import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, describe, expect, test } from 'vitest';
import type { NamedArray } from '../arrays/named-array';
import { decodeSafetensors, encodeSafetensors } from './safetensors';
import { type SafetensorsEntry, writeSafetensorsFile } from './write-safetensors-file';

const folder = mkdtempSync(`${tmpdir()}/lipsync-safetensors-`);
afterAll(() => rmSync(folder, { recursive: true }));

const tensors = new Map<string, NamedArray>([
  ['b.weight', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, -2, 1 / 3, 0) }],
  ['a', { dtype: 'float64', shape: [1], data: Float64Array.of(1 / 3) }],
  ['count', { dtype: 'int64', shape: [], data: BigInt64Array.of(7n) }],
  ['half', { dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0x3555) }],
]);
const entriesOf = (arrays: Map<string, NamedArray>, log: string[] = []): SafetensorsEntry[] =>
  [...arrays].map(([name, array]) => ({
    name,
    dtype: array.dtype,
    shape: array.shape,
    read: async () => {
      log.push(name);
      return array;
    },
  }));

describe('writeSafetensorsFile', () => {
  test('writes the bytes of encodeSafetensors, reading each tensor once in file order', async () => {
    const log: string[] = [];
    const path = `${folder}/same.safetensors`;
    const written = await writeSafetensorsFile(path, entriesOf(tensors, log), { metadata: { recipe: '{}' } });
    const expected = encodeSafetensors(tensors, { recipe: '{}' });
    expect(new Uint8Array(readFileSync(path))).toEqual(expected);
    expect(written).toBe(expected.length);
    expect(log).toEqual([...decodeSafetensors(expected).tensors.keys()]);
  });

  test.each([
    ['float32', [1, -2, Math.fround(1 / 3), 0]],
    ['float16', [0x3c00, 0xc000, 0x3555, 0]],
    ['bfloat16', [0x3f80, 0xc000, 0x3eab, 0]],
  ] as const)('stores floats as %s and integers as they are', async (floats, expected) => {
    const path = `${folder}/${floats}.safetensors`;
    await writeSafetensorsFile(path, entriesOf(tensors), { floats });
    const read = decodeSafetensors(readFileSync(path)).tensors;
    expect([...read.values()].map(({ dtype }) => dtype).sort()).toEqual([floats, floats, floats, 'int64'].sort());
    expect([...(read.get('b.weight') as NamedArray).data]).toEqual(expected);
    expect(read.get('count')?.data).toEqual(BigInt64Array.of(7n));
  });

  test('keeps the old file and leaves no other where a tensor cannot be read, does not fit its type, or does not match its entry', async () => {
    const path = `${folder}/kept.safetensors`;
    writeFileSync(path, 'old');
    const before = readdirSync(folder);
    const one = (array: NamedArray, change: Partial<SafetensorsEntry> = {}) => [
      { ...entriesOf(new Map([['x', array]]))[0], ...change },
    ];
    const big: NamedArray = { dtype: 'float32', shape: [1], data: Float32Array.of(1e6) };
    await expect(writeSafetensorsFile(path, one(big), { floats: 'float16' })).rejects.toThrow(
      'x must be of numbers that float16 can hold, got 1000000 at 0',
    );
    await expect(writeSafetensorsFile(path, one(big, { shape: [2] }))).rejects.toThrow(
      'x must be float32 [2], as its entry states, got float32 [1]',
    );
    const broken = async () => Promise.reject(new Error('cut off'));
    await expect(writeSafetensorsFile(path, one(big, { read: broken }))).rejects.toThrow('cut off');
    await expect(writeSafetensorsFile(path, [...one(big), ...one(big)])).rejects.toThrow(
      'tensors must be of unique names',
    );
    await expect(writeSafetensorsFile(path, one(big), { floats: 'int8' as 'float16' })).rejects.toThrow(
      'floats must be float32, float16 or bfloat16',
    );
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(before);
  });
});
