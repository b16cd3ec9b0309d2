/** A zip archive of stored entries; each field can be falsified. */
export function zipOf(
  files: [string, Uint8Array][],
  change: { size?: number; offset?: (i: number) => number; method?: number; count?: number } = {},
): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  files.forEach(([name, bytes], i) => {
    const text = new TextEncoder().encode(name);
    const local = new Uint8Array(30 + text.length);
    const head = new DataView(local.buffer);
    head.setUint32(0, 0x04034b50, true);
    head.setUint16(26, text.length, true);
    local.set(text, 30);
    const entry = new Uint8Array(46 + text.length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(10, change.method ?? 0, true);
    view.setUint32(20, change.size ?? bytes.length, true);
    view.setUint32(24, change.size ?? bytes.length, true);
    view.setUint16(28, text.length, true);
    view.setUint32(42, change.offset?.(i) ?? at, true);
    entry.set(text, 46);
    directory.push(entry);
    parts.push(local, bytes);
    at += local.length + bytes.length;
  });
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const end = new Uint8Array(22);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(10, change.count ?? files.length, true);
  view.setUint32(12, size, true);
  view.setUint32(16, at, true);
  return join([...parts, ...directory, end]);
}

export function join(parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A pickle written as text and numbers: `pickle('c', 'os\nsystem\n', ...)`. */
export function pickle(...parts: (string | number)[]): Uint8Array {
  return join(parts.map((part) => (typeof part === 'number' ? Uint8Array.of(part) : new TextEncoder().encode(part))));
}

/** A torch zip file of a given pickle and storages. */
export function torchZip(value: Uint8Array, storages: [string, Uint8Array][] = []): Uint8Array {
  return zipOf([['archive/data.pkl', value], ...storages.map(([key, bytes]): [string, Uint8Array] => [`archive/data/${key}`, bytes])]);
}

/** A little-endian 4-byte number as a BININT. */
export function bigInteger(value: number): string {
  return `J${String.fromCharCode(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255)}`;
}
