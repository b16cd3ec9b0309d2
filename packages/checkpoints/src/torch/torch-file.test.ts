import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ByteSource, openByteSource } from '../files/byte-source';
import { join, pickle, tensorPickle, torchZip, zipOf } from '../testing/hostile-files';
import { readZipDirectory } from '../zip/zip-directory';
import { isTorchZip, readTorchLegacy, readTorchTensor, readTorchZip, type TorchContents } from './torch-file';

const fixture = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/torch/${name}`, import.meta.url)));
const text = (value: string) => ['X', value.length & 255, value.length >> 8, 0, 0, value];

async function openZip(bytes: Uint8Array): Promise<TorchContents> {
  const source = await openByteSource(bytes);
  return readTorchZip(source, await readZipDirectory(source));
}

/** A legacy file of a pickle and storages with their keys. */
function legacy(value: Uint8Array, keys: string[], storages: [number, Uint8Array][]): Uint8Array {
  const start = fixture('state-dict.legacy.pth');
  const magic = start.subarray(0, start.indexOf(0x7d) - 2); // up to the pickle about the machine
  const parts = storages.flatMap(([length, bytes]) => [new Uint8Array(BigInt64Array.of(BigInt(length)).buffer), bytes]);
  return join([magic, pickle('}.'), value, pickle('](', ...keys.flatMap(text), 'e.'), ...parts]);
}

/** A source, and the lengths of the reads from it. */
async function counted(bytes: Uint8Array): Promise<{ source: ByteSource; reads: number[] }> {
  const reads: number[] = [];
  const source = await openByteSource(bytes);
  const read: ByteSource['read'] = (offset, length) => {
    reads.push(length);
    return source.read(offset, length);
  };
  return { source: { ...source, read }, reads };
}

describe('readTorchZip', () => {
  test('reads the directory and the pickle only; then of a tensor only its span', async () => {
    const { source, reads } = await counted(fixture('views.zip.pth'));
    const contents = await readTorchZip(source, await readZipDirectory(source));
    const before = reads.length;
    const { data, shape } = await readTorchTensor(source, contents, 'part', contents.tensors.get('part')!);
    expect(shape).toEqual([2, 3]);
    expect([...(data as Float32Array)]).toEqual([6, 8, 10, 12, 14, 16].map((value) => value / 8));
    expect(reads.slice(before)).toEqual([30 + 'views.zip/data/0'.length, 4 * (6 + 4 + 1)]);
  });

  test('compares the checksum of a storage that is read whole', async () => {
    const bytes = fixture('views.zip.pth');
    const source = await openByteSource(bytes);
    const contents = await readTorchZip(source, await readZipDirectory(source));
    const whole = contents.tensors.get('whole')!;
    const stored = await contents.read(whole, 0, 96);
    bytes[stored.byteOffset] ^= 1;
    await expect(readTorchTensor(source, contents, 'whole', whole)).rejects.toThrow(
      /data\/0 must be intact: of checksum/,
    );
  });

  test('lists the dicts that contain tensors, and the other values', async () => {
    const { dicts, entries } = await openZip(fixture('several.zip.pth'));
    expect([...dicts]).toEqual(['state_dict.net_g', 'state_dict.net_dI']);
    expect([...entries]).toEqual([['epoch', 1]]);
  });

  test('requires one data.pkl, at the top level or in the one folder', async () => {
    const zip = async (...names: string[]) =>
      readZipDirectory(await openByteSource(zipOf(names.map((name) => [name, pickle('N.')]))));
    expect(isTorchZip(await zip('data.pkl'))).toBe(true);
    expect(isTorchZip(await zip('archive/data.pkl'))).toBe(true);
    expect(isTorchZip(await zip('archive/more/data.pkl', 'mydata.pkl'))).toBe(false);
    await expect(
      openZip(
        zipOf([
          ['a/data.pkl', pickle('N.')],
          ['b/data.pkl', pickle('N.')],
        ]),
      ),
    ).rejects.toThrow('a torch file with one data.pkl, got a/data.pkl, b/data.pkl');
  });

  test('refuses big-endian files and repeated paths', async () => {
    const data: [string, Uint8Array] = ['a/data.pkl', pickle('N.')];
    await expect(openZip(zipOf([data, ['a/byteorder', pickle('big')]]))).rejects.toThrow(
      'a little-endian file, got big',
    );
    const twice = pickle('}(', ...text('a.b'), 'K', 1, ...text('a'), '}(', ...text('b'), 'K', 2, 'uu.');
    await expect(openZip(torchZip(twice))).rejects.toThrow('of values with unique paths, got a.b');
  });

  test('gives only the length of long lists of plain values', async () => {
    const list = (item: string) => `](${item.repeat(100)}e`;
    const { entries } = await openZip(
      torchZip(
        pickle(
          '}(',
          ...text('plain'),
          list('K\x01'),
          ...text('pairs'),
          list('(K\x01K\x02t'),
          ...text('dicts'),
          list('}'),
          'u.',
        ),
      ),
    );
    expect([...entries]).toEqual([
      ['plain', 'list of 100'],
      ['pairs', 'list of 100'],
    ]);
  });

  test('limits the length of each path and of all paths together', async () => {
    const long = 'n'.repeat(600);
    await expect(openZip(torchZip(pickle('}', ...text(long), '}', ...text(long), 'K', 1, 's', 's.')))).rejects.toThrow(
      'of paths of at most 1024 characters',
    );
    // 500 times 500 values under names of 300 letters
    const inner = [
      '}(',
      ...Array.from({ length: 500 }, (_, i) => [...text(`${'n'.repeat(300)}${i}`), 'K', 1]).flat(),
      'u',
      'q',
      1,
    ];
    const outer = pickle(...inner, '0](', ...Array.from({ length: 500 }, () => ['h', 1]).flat(), 'e.');
    await expect(openZip(torchZip(outer))).rejects.toThrow(/characters, 33554432 in total/);
    const short = pickle(
      '](',
      'K\x01'.repeat(60),
      'eq',
      1,
      '0](',
      ...Array.from({ length: 9000 }, () => ['h', 1]).flat(),
      'e.',
    );
    await expect(openZip(torchZip(short))).resolves.toBeTruthy(); // of plain lists only the length is kept
    const dicts = pickle(
      '}(',
      ...Array.from({ length: 60 }, (_, i) => [...text(`${i}`), 'K', 1]).flat(),
      'uq',
      1,
      '0](',
      ...Array.from({ length: 9000 }, () => ['h', 1]).flat(),
      'e.',
    );
    await expect(openZip(torchZip(dicts))).rejects.toThrow('of at most 200000 tensors and values');
  });
});

describe('readTorchLegacy', () => {
  const two = new Uint8Array(Float32Array.of(1.5, -2).buffer);
  const value = tensorPickle('k', 2, 0, [2], [1]);

  test('reads a file built from its parts', async () => {
    const source = await openByteSource(legacy(value, ['k'], [[2, two]]));
    const contents = await readTorchLegacy(source);
    expect((await readTorchTensor(source, contents, '', contents.tensors.get('')!)).data).toEqual(
      Float32Array.of(1.5, -2),
    );
  });

  test('reads more where the pickle is long, up to its end', async () => {
    const note = 'x'.repeat(60_000);
    const long = pickle('](', ...Array.from({ length: 8 }, () => text(note)).flat(), 'e0').subarray(0);
    const { source, reads } = await counted(legacy(join([long, value]), ['k'], [[2, two]]));
    expect((await readTorchLegacy(source)).tensors.size).toBe(1);
    expect(reads).toEqual([2 ** 18, source.size]);
  });

  test.each<[string, Uint8Array, string]>([
    [
      'a storage that no tensor uses',
      legacy(
        value,
        ['k', 'l'],
        [
          [2, two],
          [2, two],
        ],
      ),
      'a torch file whose storages are all used, got one with the key l',
    ],
    [
      'a storage twice',
      legacy(
        value,
        ['k', 'k'],
        [
          [2, two],
          [2, two],
        ],
      ),
      'unique keys, got k',
    ],
    ['a storage missing', legacy(value, [], []), 'with all its storages, got none with the key k'],
    ['data cut off', legacy(value, ['k'], [[2, two.subarray(0, 7)]]), '(cut off?)'],
    [
      'another value in place of the list of storages',
      legacy(join([value, pickle('}.')]), ['k'], [[2, two]]),
      'with a list of storages, got object',
    ],
    ['a pickle cut off', legacy(value, ['k'], [[2, two]]).subarray(0, 60), 'bytes longer'],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(readTorchLegacy(await openByteSource(bytes))).rejects.toThrow(message);
  });

  test('refuses a storage of another length when it is read', async () => {
    const source = await openByteSource(legacy(value, ['k'], [[3, join([two, two])]]));
    const contents = await readTorchLegacy(source);
    await expect(readTorchTensor(source, contents, 'x', contents.tensors.get('')!)).rejects.toThrow(
      'storage k must be of 2 elements, got 3',
    );
  });
});
