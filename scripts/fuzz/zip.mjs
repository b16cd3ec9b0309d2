import * as zlib from 'node:zlib';

// Of Node versions whose zlib has no such function, gzip knows: it writes it behind its data.
const crc32 = zlib.crc32 ?? ((bytes) => zlib.gzipSync(bytes).readUInt32LE(zlib.gzipSync(bytes).length - 8));

/** The entries of a well-formed zip archive: [name, bytes as they lie there, method]. */
export function unzip(bytes) {
  const file = Buffer.from(bytes);
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06'));
  const entries = [];
  let at = file.readUInt32LE(end + 16);
  for (let i = 0; i < file.readUInt16LE(end + 10); i++) {
    const nameLength = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    entries.push([
      name,
      new Uint8Array(file.subarray(start, start + file.readUInt32LE(at + 20))),
      file.readUInt16LE(at + 10),
    ]);
    at += 46 + nameLength + file.readUInt16LE(at + 30) + file.readUInt16LE(at + 32);
  }
  return entries;
}

/** An archive of stored entries, [name, bytes]. */
export function zip(entries) {
  const parts = [];
  const directory = [];
  let at = 0;
  for (const [name, bytes] of entries) {
    const text = Buffer.from(name);
    const head = Buffer.alloc(30);
    head.write('PK\x03\x04');
    const entry = Buffer.alloc(46);
    entry.write('PK\x01\x02');
    for (const [header, from] of [
      [head, 14],
      [entry, 16],
    ]) {
      header.writeUInt32LE(crc32(bytes), from);
      header.writeUInt32LE(bytes.length, from + 4);
      header.writeUInt32LE(bytes.length, from + 8);
      header.writeUInt16LE(text.length, from + 12);
    }
    entry.writeUInt32LE(at, 42);
    parts.push(head, text, bytes);
    directory.push(entry, text);
    at += 30 + text.length + bytes.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(at, 16);
  return new Uint8Array(Buffer.concat([...parts, ...directory, end]));
}
