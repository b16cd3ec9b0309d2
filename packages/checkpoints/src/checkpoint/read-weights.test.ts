import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { NamedArray } from '../arrays/named-array';
import { encodeSafetensors } from '../safetensors/safetensors';
import { readWeights } from './read-weights';
import { readStateDict } from './state-dict';

const path = (name: string) => new URL(`../../fixtures/torch/${name}`, import.meta.url);

test.each(['state-dict.zip.pth', 'state-dict.legacy.pth'])(
  'readWeights reads the state dict of %s and its hash',
  async (name) => {
    const bytes = readFileSync(path(name));
    const file = await readWeights(path(name));
    expect(file.state).toEqual((await readStateDict(path(name))).state);
    expect(file.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    expect(file.name).toContain(name);
    expect(await readWeights(bytes)).toEqual({ ...file, name: 'bytes' });
  },
);

test('readWeights reads metadata, and the preferred dict only where the file has it', async () => {
  const one: NamedArray = { dtype: 'float32', shape: [1], data: new Float32Array([1]) };
  const bytes = encodeSafetensors(new Map([['a.weight', one]]), { recipe: '{}' });
  const file = await readWeights(bytes, { preferred: 'state_dict.net_g' });
  expect([file.format, file.metadata, [...file.state.keys()]]).toEqual(['safetensors', { recipe: '{}' }, ['a.weight']]);
});

test('readWeights closes a source that it was given, also where reading fails', async () => {
  let closed = 0;
  const bytes = new TextEncoder().encode('not weights, only text');
  const read = async (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const source = { name: 'own', size: bytes.length, read, close: async () => void closed++ };
  await expect(readWeights(source)).rejects.toThrow('own must be a torch, safetensors, npy or npz file');
  expect(closed).toBe(1);
});
