import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type ByteSource, openByteSource } from '../files/byte-source';
import { join, zipOf } from '../testing/hostile-files';
import { crc32 } from './crc32';
import { readZipDirectory, readZipEntry, type ZipEntry, zipEntryStart } from './zip-directory';

const text = (value: string) => new TextEncoder().encode(value);
const files: [string, Uint8Array][] = [
  ['a/one', text('first')],
  ['a/two', text('')],
  ['ü', text('third')],
];

async function open(bytes: Uint8Array): Promise<{
  source: ByteSource;
  zip: Map<string, ZipEntry>;
  read: (name: string, length?: number) => Promise<Uint8Array>;
}> {
  const source = await openByteSource(bytes);
  const zip = await readZipDirectory(source);
  return { source, zip, read: (name, length) => readZipEntry(source, name, zip.get(name) as ZipEntry, length) };
}

/** The same archive with its directory's end in zip64's records. */
function zip64(bytes: Uint8Array, change: { place?: bigint; start?: bigint } = {}): Uint8Array {
  const end = bytes.length - 22;
  const old = new DataView(bytes.buffer, bytes.byteOffset + end, 22);
  const record = new DataView(new ArrayBuffer(56 + 20));
  record.setUint32(0, 0x06064b50, true);
  record.setBigUint64(32, BigInt(old.getUint16(10, true)), true);
  record.setBigUint64(40, BigInt(old.getUint32(12, true)), true);
  record.setBigUint64(48, change.start ?? BigInt(old.getUint32(16, true)), true);
  record.setUint32(56, 0x07064b50, true);
  record.setBigUint64(64, change.place ?? BigInt(end), true);
  const last = bytes.slice(end);
  last.fill(0xff, 8, 20);
  return join([bytes.subarray(0, end), new Uint8Array(record.buffer), last]);
}

describe('readZipDirectory', () => {
  test.each([
    ['plain', zipOf(files)],
    [
      'with a comment that resembles the end record',
      zipOf(files, { comment: 'PK\x05\x06 and more than twenty-two letters of it' }),
    ],
    ['of zip64', zip64(zipOf(files))],
  ])('lists an archive %s, and its entries can be read', async (_, bytes) => {
    const { zip, read } = await open(bytes);
    expect([...zip.keys()]).toEqual(['a/one', 'a/two', 'ü']);
    expect(await read('a/one')).toEqual(text('first'));
    expect(await read('a/two')).toEqual(new Uint8Array(0));
    expect(await read('ü', 2)).toEqual(text('th'));
  });

  test('takes sizes and offset of an entry from zip64 fields', async () => {
    const plain = zipOf([['a', text('first')]]);
    const [body, end] = [plain.subarray(0, 36), plain.slice(-22)];
    const entry = join([plain.subarray(36, plain.length - 22), new Uint8Array(28)]);
    const view = new DataView(entry.buffer);
    view.setUint32(20, 0xffffffff, true);
    view.setUint32(24, 0xffffffff, true);
    view.setUint16(30, 28, true);
    view.setUint32(42, 0xffffffff, true);
    view.setUint16(47, 1, true);
    view.setUint16(49, 24, true);
    view.setBigUint64(51, 5n, true);
    view.setBigUint64(59, 5n, true);
    new DataView(end.buffer).setUint32(12, entry.length, true);
    expect(await (await open(join([body, entry, end]))).read('a')).toEqual(text('first'));
    view.setBigUint64(67, 2n ** 63n, true);
    await expect(open(join([body, entry, end]))).rejects.toThrow('whose entries lie inside it');
  });

  test('leaves folders out', async () => {
    expect([
      ...(
        await open(
          zipOf([
            ['a/', new Uint8Array(0)],
            ['a/b', text('x')],
          ]),
        )
      ).zip.keys(),
    ]).toEqual(['a/b']);
  });

  test.each<[string, Uint8Array, string]>([
    ['one cut off', zipOf(files).subarray(0, -1), 'a whole zip archive, got one without its directory (cut off?)'],
    ['one with a byte after it', join([zipOf(files), new Uint8Array(1)]), 'a whole zip archive'],
    ['a directory beyond the end', zip64(zipOf(files), { start: 2n ** 62n }), 'whose directory lies inside it'],
    [
      'a zip64 record beyond the end',
      zip64(zipOf(files), { place: 2n ** 64n - 1n }),
      'whose zip64 record lies inside it',
    ],
    ['a zip64 record elsewhere', zip64(zipOf(files), { place: 3n }), 'with a zip64 record where its locator points'],
    [
      'a stored entry with two sizes',
      zipOf(files, { unpacked: 3 }),
      'with one size a stored entry, got a/one with 5 and 3',
    ],
  ])('refuses %s', async (_, bytes, message) => {
    await expect(open(bytes)).rejects.toThrow(message);
    await expect(open(bytes)).rejects.toThrow(/^readZipDirectory: bytes must be /);
  });
});

describe('zip entries', () => {
  test('zipEntryStart compares an entry with its local header', async () => {
    const bytes = zipOf(files);
    const { source, zip } = await open(bytes);
    expect(await zipEntryStart(source, 'ü', zip.get('ü') as ZipEntry)).toBe(35 + 5 + 35 + 32);
    bytes[26] = 200; // the length of the name
    await expect(zipEntryStart(source, 'a/one', zip.get('a/one') as ZipEntry)).rejects.toThrow(
      'readZipEntry: bytes: a/one must be named so in its local header',
    );
    bytes[26] = 5;
    bytes[28] = 200; // the length of what follows it
    await expect(zipEntryStart(source, 'a/one', zip.get('a/one') as ZipEntry)).rejects.toThrow(
      'inside its place in the archive',
    );
    bytes[28] = 0;
    bytes[8] = 8;
    await expect(zipEntryStart(source, 'a/one', zip.get('a/one') as ZipEntry)).rejects.toThrow(
      'stored by its local header, too, got method 8',
    );
    bytes[0] = 0;
    await expect(zipEntryStart(source, 'a/one', zip.get('a/one') as ZipEntry)).rejects.toThrow(
      'an entry with a local header',
    );
  });

  test('readZipEntry unpacks all or the first bytes of an entry', async () => {
    const numbers = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251);
    const { read } = await open(
      zipOf([['n', deflateRawSync(numbers)]], { method: 8, unpacked: numbers.length, crc: crc32(numbers) }),
    );
    expect(await read('n')).toEqual(numbers);
    expect(await read('n', 70_000)).toEqual(numbers.subarray(0, 70_000));
    expect(await read('n', 1)).toEqual(numbers.subarray(0, 1));
  });

  test('readZipEntry accepts an entry without a checksum, and refuses a wrong one', async () => {
    expect(await (await open(zipOf(files, { crc: 0 }))).read('ü')).toEqual(text('third'));
    await expect((await open(zipOf(files, { crc: 7 }))).read('ü')).rejects.toThrow(
      'readZipEntry: bytes: ü must be intact: of checksum 7, got',
    );
  });
});
