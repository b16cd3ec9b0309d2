import { fail } from '@lipsync/contracts';
import type { ByteSource } from '../files/byte-source';
import { crc32 } from './crc32';

/** An entry of a zip archive, as the directory describes it. */
export type ZipEntry = {
  /** Offset of its local header, and of the next entry or the directory. */
  header: number;
  limit: number;
  /** Size in the archive, and unpacked, in bytes. */
  packed: number;
  size: number;
  method: 'stored' | 'deflated' | 'unknown';
  crc: number;
};

const LARGEST_DIRECTORY = 16 * 2 ** 20; // 100,000 entries
const END = 0x06054b50;
const END_64_LOCATOR = 0x07064b50;
const END_64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const METHODS: Record<number, ZipEntry['method']> = { 0: 'stored', 8: 'deflated' };

/**
 * Limit of an entry's unpacked size: 64 MiB, or 16 times its packed size where that is more. Numeric arrays compress to
 * a half or a tenth; deflate can reach a thousandth.
 */
const MOST_UNPACKED = 64 * 2 ** 20;
const MOST_UNPACKED_TIMES = 16;

/**
 * The entries of a zip archive by name, zip64 included; their data are not read.
 *
 * Every entry must lie before the directory and overlap no other entry; names must be unique and must not lead out of
 * the archive.
 *
 * @throws Error that names the entry and what is wrong with it.
 */
export async function readZipDirectory(source: ByteSource): Promise<Map<string, ZipEntry>> {
  const bad = (rule: string, got: unknown): never => fail(Error, 'readZipDirectory', source.name, rule, got);
  const { count, start, size } = await findDirectory(source, bad);
  if (size > LARGEST_DIRECTORY) bad(`a zip archive with a directory of at most ${LARGEST_DIRECTORY} bytes`, size);
  const directory = await source.read(start, size);
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const decoder = new TextDecoder();
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL)
      bad(`a zip directory of ${count} entries`, `${i} of them`);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true));
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) bad('a zip directory that ends with its last entry', 'one cut off');
    const name = decoder.decode(directory.subarray(at + 46, at + 46 + nameLength));
    const method = METHODS[view.getUint16(at + 10, true)] ?? 'unknown';
    const { packed, size: unpacked, offset: header } = zip64Fields(view, at, at + 46 + nameLength, extraLength);
    if (entries.has(name)) bad('a zip archive with unique names', name);
    if (!isInside(name)) bad('a zip archive of names without "..", backslashes and the like', JSON.stringify(name));
    if (view.getUint16(at + 8, true) & 1) bad('a zip archive without encryption', name);
    if (method === 'stored' && packed !== unpacked)
      bad('a zip archive with one size a stored entry', `${name} with ${packed} and ${unpacked}`);
    entries.set(name, { header, limit: start, packed, size: unpacked, method, crc: view.getUint32(at + 16, true) });
    at = next;
  }
  let before: ZipEntry | undefined;
  for (const [name, entry] of [...entries].sort(([, a], [, b]) => a.header - b.header)) {
    const end = before ? before.header + 30 + before.packed : 0;
    if (entry.header < end)
      bad(
        'a zip archive whose entries lie one after the other',
        `${name} at ${entry.header}, inside the one before it`,
      );
    if (entry.header + 30 + name.length + entry.packed > start)
      bad('a zip archive whose entries lie inside it', `${name}: ${entry.packed} bytes at ${entry.header}`);
    if (before) before.limit = entry.header;
    before = entry;
  }
  for (const name of entries.keys()) if (name.endsWith('/')) entries.delete(name); // folders
  return entries;
}

/** Whether a name, such as `archive/data/0`, stays inside the folder into which it would be unpacked. */
function isInside(name: string): boolean {
  return name !== '' && !/[\u0000-\u001f\\]|^\/|^[A-Za-z]:|(^|\/)\.\.(\/|$)/.test(name);
}

async function findDirectory(source: ByteSource, bad: (rule: string, got: unknown) => never) {
  const tail = Math.min(source.size, 22 + 0xffff);
  const bytes = await source.read(source.size - tail, tail);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = tail - 22;
  // The record ends with a comment of any content, which reaches to the end of the file.
  while (at >= 0 && !(view.getUint32(at, true) === END && view.getUint16(at + 20, true) === tail - 22 - at)) at--;
  if (at < 0) bad('a whole zip archive', 'one without its directory (cut off?)');
  const found = {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
    end: source.size - tail + at,
  };
  const large = found.count === 0xffff || found.size === 0xffffffff || found.start === 0xffffffff;
  if (large && at >= 20 && view.getUint32(at - 20, true) === END_64_LOCATOR) {
    const place = view.getBigUint64(at - 20 + 8, true);
    if (place > BigInt(found.end) - 76n) bad('a zip archive whose zip64 record lies inside it', `one at ${place}`);
    found.end = Number(place);
    const record = await source.read(found.end, 56);
    const fields = new DataView(record.buffer, record.byteOffset, 56);
    if (fields.getUint32(0, true) !== END_64)
      bad('a zip archive with a zip64 record where its locator points', 'something else');
    const numberAt = (field: number) => Number(fields.getBigUint64(field, true));
    found.count = numberAt(32);
    found.size = numberAt(40);
    found.start = numberAt(48);
  }
  if (!(found.start + found.size <= found.end)) {
    bad(
      'a zip archive whose directory lies inside it',
      `one at ${found.start} of ${found.size} bytes in ${source.size}`,
    );
  }
  return found;
}

/** Sizes and offset of an entry, from the extra field where they do not fit into 32 bits. */
function zip64Fields(view: DataView, entry: number, extra: number, extraLength: number) {
  const fields = {
    packed: view.getUint32(entry + 20, true),
    size: view.getUint32(entry + 24, true),
    offset: view.getUint32(entry + 42, true),
  };
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

/** Where an entry's data begin: after its local header, which must match the directory. */
export async function zipEntryStart(source: ByteSource, name: string, entry: ZipEntry): Promise<number> {
  const bad = (rule: string, got: unknown): never => fail(Error, 'readZipEntry', `${source.name}: ${name}`, rule, got);
  const text = new TextEncoder().encode(name);
  const local = await source.read(entry.header, Math.min(30 + text.length, entry.limit - entry.header));
  const fields = new DataView(local.buffer, local.byteOffset, local.byteLength);
  if (local.length < 30 || fields.getUint32(0, true) !== LOCAL) bad('an entry with a local header', 'none there');
  const own = local.subarray(30, 30 + fields.getUint16(26, true));
  if (fields.getUint16(26, true) !== text.length || text.some((byte, i) => byte !== own[i])) {
    bad('named so in its local header, too', new TextDecoder().decode(own));
  }
  if ((METHODS[fields.getUint16(8, true)] ?? 'unknown') !== entry.method)
    bad(`${entry.method} by its local header, too`, `method ${fields.getUint16(8, true)}`);
  const start = entry.header + 30 + text.length + fields.getUint16(28, true);
  if (start + entry.packed > entry.limit) bad('inside its place in the archive', `${entry.packed} bytes at ${start}`);
  return start;
}

/** Compares an entry's bytes with its checksum. */
export function assertCrc(source: ByteSource, name: string, { crc }: ZipEntry, bytes: Uint8Array): void {
  if (crc === 0) return; // left out by torch's `set_crc32_options(False)`
  const found = crc32(bytes);
  if (found !== crc)
    fail(
      Error,
      'readZipEntry',
      `${source.name}: ${name}`,
      `intact: of checksum ${crc.toString(16)}`,
      found.toString(16),
    );
}

/** Refuses compressed entries: torch stores tensors uncompressed. */
export function assertStored(where: string, archive: string, name: string, { method }: ZipEntry): void {
  if (method !== 'stored')
    fail(Error, where, `${archive}: ${name}`, 'stored, not compressed, as torch writes it', method);
}

/**
 * Reads the first `length` bytes of an entry, stored or deflated; by default all of it. A deflated entry unpacks to the
 * size in the directory, at most 64 MiB or 16 times its packed size.
 *
 * @throws Error for a wrong checksum, and for data that are cut off or unpack to another size.
 */
export async function readZipEntry(
  source: ByteSource,
  name: string,
  entry: ZipEntry,
  length = entry.size,
): Promise<Uint8Array> {
  const start = await zipEntryStart(source, name, entry);
  if (entry.method === 'stored') {
    const bytes = await source.read(start, Math.min(length, entry.size));
    if (bytes.length === entry.size) assertCrc(source, name, entry, bytes);
    return bytes;
  }
  const bad = (rule: string, got: unknown): never => fail(Error, 'readZipEntry', `${source.name}: ${name}`, rule, got);
  if (entry.method !== 'deflated') bad('stored or deflated', 'another method');
  const most = Math.max(MOST_UNPACKED, MOST_UNPACKED_TIMES * entry.packed);
  if (entry.size > most) bad(`of at most ${most} bytes unpacked, with ${entry.packed} in the archive`, entry.size);
  return inflate(source, start, entry, Math.min(length, entry.size), bad);
}

/**
 * Adds a gzip header and trailer to a deflated entry, so that the platform's gzip reader checks length and checksum.
 */
async function inflate(
  source: ByteSource,
  start: number,
  entry: ZipEntry,
  length: number,
  bad: (rule: string, got: unknown) => never,
) {
  async function* packed() {
    yield Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);
    for (let at = 0; at < entry.packed; at += 65536)
      yield await source.read(start + at, Math.min(65536, entry.packed - at));
    const trailer = new DataView(new ArrayBuffer(8));
    trailer.setUint32(0, entry.crc, true);
    trailer.setUint32(4, entry.size % 2 ** 32, true);
    yield new Uint8Array(trailer.buffer);
  }
  const pieces = packed();
  const stream = new ReadableStream<BufferSource>({
    pull: async (controller) => {
      const { value, done } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(value as Uint8Array<ArrayBuffer>);
    },
  });
  const reader = stream.pipeThrough(new DecompressionStream('gzip')).getReader();
  const bytes = new Uint8Array(length);
  let done = 0;
  try {
    for (;;) {
      const { value } = (await reader.read()) as { value?: Uint8Array };
      if (value === undefined) break;
      bytes.set(value.subarray(0, length - done), done);
      done += value.length;
      if (length < entry.size && done >= length) return bytes; // only the start was requested
      if (done > entry.size) return bad(`${entry.size} bytes long unpacked`, 'more');
    }
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('readZipEntry')) throw error;
    return bad('deflated bytes with the checksum that the directory gives', (error as Error).message);
  } finally {
    await reader.cancel().catch(() => {});
  }
  return done === length ? bytes : bad(`${length} bytes long unpacked`, done);
}
