import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import expected from '../../fixtures/torch/expected.json';
import { type NamedArray, toFloat32 } from '../arrays/named-array';
import { encodeSafetensors } from '../safetensors/safetensors';
import { openCheckpoint } from './open-checkpoint';
import { stateDictNames } from './state-dict';

const fixture = (name: string) => new URL(`../../fixtures/torch/${name}`, import.meta.url);
type Numbers = { dtype: string; shape: number[]; data: (number | boolean)[] };
const files = expected.files as unknown as Record<string, Record<string, Numbers>>;

/** The numbers as they should be, whatever the width they are stored in. */
function assertSame(array: NamedArray, { dtype, shape, data }: Numbers): void {
  expect(array.dtype).toBe(dtype);
  expect(array.shape).toEqual(shape);
  const wide = dtype === 'float16' || dtype === 'bfloat16' ? toFloat32(array) : array.data;
  const wanted = data.map((value) => (dtype === 'float32' ? Math.fround(Number(value)) : Number(value)));
  expect(Array.from(wide as ArrayLike<number | bigint>, Number)).toEqual(
    dtype === 'bfloat16' ? wanted.map(Math.fround) : wanted,
  );
}

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function open(...args: Parameters<typeof openCheckpoint>) {
  const file = await openCheckpoint(...args);
  closers.push(() => file.close());
  return file;
}

describe('openCheckpoint', () => {
  const both = ['state-dict', 'views', 'dtypes', 'nested', 'several', 'odd'].flatMap((name) => [
    [name, 'zip'],
    [name, 'legacy'],
  ]);
  test.each(both)('reads every tensor of %s in %s format as PyTorch wrote it', async (name, suffix) => {
    const file = await open(fixture(`${name}.${suffix}.pth`));
    expect(file.format).toBe(`torch-${suffix}`);
    expect([...file.tensors.keys()].sort()).toEqual(Object.keys(files[name]).sort());
    for (const [path, numbers] of Object.entries(files[name])) {
      expect(file.tensors.get(path)).toEqual({ dtype: numbers.dtype, shape: numbers.shape });
      assertSame(await file.read(path), numbers);
    }
  });

  test.each(['zip', 'legacy'])('lists the other contents of a %s file and does not interpret them', async (suffix) => {
    const { entries } = await open(fixture(`nested.${suffix}.pth`));
    expect(entries.get('global_step')).toBe(12345);
    expect(entries.get('note')).toBe('größer');
    expect(entries.get('best')).toBe(0.25);
    expect(entries.get('done')).toBe(false);
    expect(entries.get('none')).toBe(null);
    expect(entries.get('losses')).toBe('list of 100');
    expect(entries.get('numpy')).toBe(2.5);
    expect(entries.get('shape.1')).toBe(3);
  });

  test.each(['zip', 'legacy'])('keeps harmless objects of a %s file as text', async (suffix) => {
    const { entries } = await open(fixture(`odd.${suffix}.pth`));
    expect(entries.get('count.1')).toBe(2);
    expect(entries.get('f4')).toBe(0.25);
    expect(entries.get('i8')).toBe(-7);
    expect(entries.get('large')).toBe(String(2n ** 70n));
    expect(entries.get('many')).toBe('list of 100');
    expect(entries.get('array')).toMatch(/numpy.*_reconstruct/);
    expect(entries.get('(object 4)')).toBe(3); // the key is a tuple
  });

  test('reads a file of 2017 with byte strings, views on storages and tensors of a GPU', async () => {
    const file = await open(fixture('python2.legacy.pth'));
    expect(file.format).toBe('torch-legacy');
    expect([...file.tensors.keys()]).toEqual(Object.keys(files.python2));
    for (const [path, numbers] of Object.entries(files.python2)) assertSame(await file.read(path), numbers);
  });

  test('reads the legacy format in pickle protocol 4', async () => {
    const file = await open(fixture('protocol-4.legacy.pth'));
    for (const [path, numbers] of Object.entries(files['state-dict'])) assertSame(await file.read(path), numbers);
  });

  test.each(['scripted', 'traced'])('reads the attributes of a %s TorchScript archive', async (name) => {
    const file = await open(fixture(`${name}.pt`));
    expect(file.format).toBe('torchscript');
    for (const [path, numbers] of Object.entries(files[name])) assertSame(await file.read(path), numbers);
    expect([...stateDictNames(file).keys()].sort()).toEqual(Object.keys(files[name]).sort());
  });

  test('reads the constants of a frozen TorchScript archive, which hold its weights', async () => {
    const file = await open(fixture('frozen.pt'));
    const names = [...stateDictNames(file).keys()];
    expect(names.length).toBe(4);
    for (const [i, numbers] of (files.frozen as unknown as Numbers[]).entries())
      assertSame(await file.read(names[i]), numbers);
  });

  test('reads npy in C and Fortran order and npz', async () => {
    const grid = (files.npy as unknown as Numbers).data as number[];
    const order = await open(fixture('c-order.npy'));
    assertSame(await order.read('array'), { dtype: 'float32', shape: [2, 3, 4], data: grid });
    const fortran = await open(fixture('fortran.npy'));
    assertSame(await fortran.read('array'), { dtype: 'float64', shape: [2, 3, 4], data: grid });
    const scalar = await open(fixture('scalar.npy'));
    assertSame(await scalar.read('array'), { dtype: 'float16', shape: [], data: [1.5] });
    const archive = await open(fixture('arrays.npz'));
    assertSame(await archive.read('mu'), { dtype: 'float64', shape: [4], data: grid.slice(0, 4) });
    assertSame(await archive.read('count'), { dtype: 'int64', shape: [2], data: [3, -4] });
    const compressed = await open(fixture('compressed.npz'));
    assertSame(await compressed.read('mu'), { dtype: 'float64', shape: [500], data: new Array(500).fill(0) });
    assertSame(await compressed.read('grid'), { dtype: 'float32', shape: [2, 3, 4], data: grid });
  });

  test('reads safetensors by range, with its metadata', async () => {
    const tensors = new Map<string, NamedArray>([
      ['b', { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ['a', { dtype: 'float32', shape: [2, 1], data: Float32Array.of(0.5, -1) }],
    ]);
    const file = await open(encodeSafetensors(tensors, { recipe: '{}' }));
    expect(file.format).toBe('safetensors');
    expect(file.metadata).toEqual({ recipe: '{}' });
    expect(await file.read('a')).toEqual(tensors.get('a'));
    expect(Array.from((await file.read('b')).data as Uint8Array)).toEqual([1, 2, 3]);
    await expect(file.read('c')).rejects.toThrow('Checkpoint.read: name must be that of a tensor in bytes, got c');
  });

  test('reads from a Blob as from a file', async () => {
    const file = await open(new Blob([readFileSync(fixture('state-dict.zip.pth'))]));
    assertSame(await file.read('0.weight'), files['state-dict']['0.weight']);
  });

  test('reads no more than it needs from a server that serves ranges, and refuses one that does not', async () => {
    const bytes = readFileSync(fixture('views.zip.pth'));
    let served = 0;
    let ranges = true;
    const server = createServer((request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
      if (!ranges) return response.end(bytes);
      const part = bytes.subarray(Number(from), Number(to) + 1);
      served += part.length;
      response.writeHead(206, { 'Content-Range': `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}` });
      return response.end(part);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const address = `http://127.0.0.1:${(server.address() as { port: number }).port}/views.pth`;
    const file = await open(address);
    const before = served;
    assertSame(await file.read('column'), files.views.column);
    expect(served - before).toBe(46 + 4 * (3 * 6 + 1)); // the entry's header; from the first to the last number of the column
    ranges = false;
    await expect(openCheckpoint(address)).rejects.toThrow('must be served by ranges (status 206');
    server.closeAllConnections();
  });

  test.each([
    ['', 'an empty file'],
    ['\n<!DOCTYPE html><html>not found</html>', 'a web page: the file itself was not downloaded'],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:00',
      'a Git LFS pointer: the file itself was not downloaded',
    ],
    ['\x1f\x8b\b\0', 'a gzip file: unpack it first'],
    ['\x80\x04\x95\0', 'a pickle that torch.save did not write'],
    [`${'storages\0'.padEnd(257, '\0')}ustar`, 'a tar archive (torch before 0.2'],
    ['RIFF\0\0\0\0WAVE', 'one that begins with 52 49 46 46 00 00 00 00'],
    ['{"weights": {"a": 1}}', 'one that begins with 7b 22'],
  ])('says what a file is that holds no weights: %j', async (content, words) => {
    const bytes = Uint8Array.from(content, (letter) => letter.charCodeAt(0));
    await expect(openCheckpoint(bytes)).rejects.toThrow(
      `openCheckpoint: bytes must be a torch, safetensors, npy or npz file, got ${words}`,
    );
  });

  test('refuses files that are missing, and folders', async () => {
    await expect(openCheckpoint(fixture('nothing.pth'))).rejects.toThrow('ENOENT');
    await expect(openCheckpoint(new URL('../../fixtures', import.meta.url))).rejects.toThrow();
  });
});
