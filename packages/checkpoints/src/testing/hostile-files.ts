import { crc32 } from '../zip/crc32';

export type ZipChange = {
  /** The size, packed and unpacked, that the directory tells. */
  size?: number;
  /** The unpacked size alone. */
  unpacked?: number;
  offset?: (i: number) => number;
  method?: number;
  count?: number;
  crc?: number;
  /** The name in the entries' own headers. */
  localName?: string;
  flags?: number;
  comment?: string;
};

/** A zip archive of entries as they are given; each field can be falsified. */
export function zipOf(files: [string, Uint8Array][], change: ZipChange = {}): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  files.forEach(([name, bytes], i) => {
    const text = new TextEncoder().encode(name);
    const own = new TextEncoder().encode(change.localName ?? name);
    const local = new Uint8Array(30 + own.length);
    const head = new DataView(local.buffer);
    head.setUint32(0, 0x04034b50, true);
    head.setUint16(8, change.method ?? 0, true);
    head.setUint16(26, own.length, true);
    local.set(own, 30);
    const entry = new Uint8Array(46 + text.length);
    const view = new DataView(entry.buffer);
    view.setUint32(0, 0x02014b50, true);
    view.setUint16(8, change.flags ?? 0, true);
    view.setUint16(10, change.method ?? 0, true);
    view.setUint32(16, change.crc ?? crc32(bytes), true);
    view.setUint32(20, change.size ?? bytes.length, true);
    view.setUint32(24, change.unpacked ?? change.size ?? bytes.length, true);
    view.setUint16(28, text.length, true);
    view.setUint32(42, change.offset?.(i) ?? at, true);
    entry.set(text, 46);
    directory.push(entry);
    parts.push(local, bytes);
    at += local.length + bytes.length;
  });
  const size = directory.reduce((sum, entry) => sum + entry.length, 0);
  const comment = new TextEncoder().encode(change.comment ?? '');
  const end = new Uint8Array(22 + comment.length);
  const view = new DataView(end.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(10, change.count ?? files.length, true);
  view.setUint32(12, size, true);
  view.setUint32(16, at, true);
  view.setUint16(20, comment.length, true);
  end.set(comment, 22);
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
  return zipOf([
    ['archive/data.pkl', value],
    ...storages.map(([key, bytes]): [string, Uint8Array] => [`archive/data/${key}`, bytes]),
  ]);
}

/** `_rebuild_tensor_v2` of a float32 storage; numbers below 256. */
export function tensorPickle(
  key: string,
  length: number,
  offset: number,
  shape: number[],
  strides: number[],
): Uint8Array {
  const tuple = (sides: number[]) => ['(', ...sides.flatMap((side) => ['K', side]), 't'];
  const text = (value: string) => ['X', `${String.fromCharCode(value.length)}\0\0\0`, value];
  return pickle(
    'ctorch._utils\n_rebuild_tensor_v2\n',
    '((',
    ...text('storage'),
    'ctorch\nFloatStorage\n',
    ...text(key),
    ...text('cpu'),
    'K',
    length,
    'tQ',
    'K',
    offset,
    ...tuple(shape),
    ...tuple(strides),
    0x89,
    'N',
    'tR',
    '.',
  );
}
