import { fail } from '@lipsync/contracts';
import type { ByteSource } from './byte-source';

/** Where an entry's bytes lie in the archive; only `stored` ones are what they were. */
export type ZipEntry = { offset: number; size: number; stored: boolean };

const LARGEST_DIRECTORY = 64 * 2 ** 20; // half a million entries
const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;

/**
 * The entries of a zip archive by name. PyTorch and numpy store their numbers as they are; nothing is ever unpacked, as what is compressed
 * could unpack to anything: see `assertStored`.
 *
 * Every entry is checked to lie inside the file, in front of the directory, and over no other one.
 *
 * @throws Error that says what is wrong with the archive.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const where = 'readZipDirectory';
  const bad = (rule: string, got: unknown): never => fail(Error, where, source.name, rule, got);
  const { count, start, size } = await findDirectory(source, bad);
  if (size > LARGEST_DIRECTORY) bad(`a zip archive with a directory of at most ${LARGEST_DIRECTORY} bytes`, size);
  if (start + size > source.size) bad('a zip archive whose directory lies inside it', `one at ${start} of ${size} bytes in ${source.size}`);
  const directory = await source.read(start, size);
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const headers: { name: string; header: number; size: number; stored: boolean }[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL) bad(`a zip directory of ${count} entries`, `${i} of them`);
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    if (at + 46 + nameLength + extraLength + commentLength > size) bad('a zip directory that ends with its last entry', 'one cut off');
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength));
    const large = zip64Fields(view, at, at + 46 + nameLength, extraLength);
    if (names.has(name)) bad('a zip archive with unique names', name);
    names.add(name);
    if (flags & 1) bad('a zip archive without encryption', name);
    if (method === 0 && large.packed !== large.size) bad('a zip archive with one size a stored entry', `${name} with ${large.packed} and ${large.size}`);
    if (!name.endsWith('/')) headers.push({ name, header: large.offset, size: large.packed, stored: method === 0 });
    at += 46 + nameLength + extraLength + commentLength;
  }
  const entries = new Map<string, ZipEntry>();
  let end = 0;
  for (const { name, header, size: length, stored } of headers.sort((a, b) => a.header - b.header)) {
    if (header < end || header + 30 > start) bad('a zip archive whose entries lie one after the other', `${name} at ${header}`);
    // The name's length is known; what the local header adds to it is not.
    const local = await source.read(header, 30);
    const fields = new DataView(local.buffer, local.byteOffset, 30);
    if (fields.getUint32(0, true) !== LOCAL) bad('a zip archive with a header before each entry', `none before ${name}`);
    const offset = header + 30 + fields.getUint16(26, true) + fields.getUint16(28, true);
    if (offset + length > start) bad('a zip archive whose entries lie inside it', `${name}: ${length} bytes at ${offset}`);
    entries.set(name, { offset, size: length, stored });
    end = offset + length;
  }
  return entries;
}

async function findDirectory(source: ByteSource, bad: (rule: string, got: unknown) => never) {
  const tail = Math.min(source.size, 22 + 0xffff);
  const bytes = await source.read(source.size - tail, tail);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = tail - 22;
  while (at >= 0 && view.getUint32(at, true) !== END) at--;
  if (at < 0) bad('a whole zip archive', 'one without its directory (cut off?)');
  const plain = { count: view.getUint16(at + 10, true), size: view.getUint32(at + 12, true), start: view.getUint32(at + 16, true) };
  if (plain.count !== 0xffff && plain.size !== 0xffffffff && plain.start !== 0xffffffff) return plain;
  if (at < 20 || view.getUint32(at - 20, true) !== END_64_LOCATOR) return plain;
  const where = view.getBigUint64(at - 20 + 8, true);
  if (where > BigInt(source.size - 56)) bad('a zip archive whose directory lies inside it', `one at ${where}`);
  const record = await source.read(Number(where), 56);
  const fields = new DataView(record.buffer, record.byteOffset, 56);
  if (fields.getUint32(0, true) !== END_64) bad('a zip archive with a zip64 record', 'another one');
  const [count, size, start] = [32, 40, 48].map((field) => Number(fields.getBigUint64(field, true)));
  if (![count, size, start].every(Number.isSafeInteger)) bad('a zip archive of a size that a number can hold', start);
  return { count, size, start };
}

/** Sizes and place of an entry, from the extra field where they do not fit into 32 bits. */
function zip64Fields(view: DataView, entry: number, extra: number, extraLength: number) {
  const fields = { packed: view.getUint32(entry + 20, true), size: view.getUint32(entry + 24, true), offset: view.getUint32(entry + 42, true) };
  for (let at = extra; at + 4 <= extra + extraLength; ) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (id === 1) {
      let next = at + 4;
      for (const key of ['size', 'packed', 'offset'] as const) {
        if (fields[key] !== 0xffffffff || next + 8 > Math.min(at + 4 + length, extra + extraLength)) continue;
        fields[key] = Number(view.getBigUint64(next, true));
        next += 8;
      }
    }
    at += 4 + length;
  }
  return fields;
}

/** Refuses compressed entries among those that are going to be read. */
export function assertStored(where: string, archive: string, entries: Iterable<readonly [string, ZipEntry]>): void {
  for (const [name, { stored }] of entries) {
    if (!stored) fail(Error, where, archive, 'a zip archive whose numbers are stored, not compressed (numpy: savez, not savez_compressed)', name);
  }
}
