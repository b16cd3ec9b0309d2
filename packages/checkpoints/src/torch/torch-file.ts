import { fail } from '@lipsync/contracts';
import { ARRAYS, arrayOfBytes, gatherStrided, type NamedArray, sizeOf } from '../arrays/named-array';
import type { ByteSource } from '../files/byte-source';
import { assertCrc, assertStored, readZipEntry, type ZipEntry, zipEntryStart } from '../zip/zip-directory';
import { PickleCutOff, readPickle } from './pickle';
import { spanOf, TorchObject, TorchOpaque, type TorchStorage, TorchTensor, torchBuilder } from './torch-pickle';

/** The contents of a torch file, before any tensor is read. */
export type TorchContents = {
  format: 'torch-zip' | 'torch-legacy' | 'torchscript';
  /** Tensors by their dotted path from the top level. */
  tensors: Map<string, TorchTensor>;
  /** Paths of the dicts that contain tensors directly. */
  dicts: Set<string>;
  /** Numbers, strings and other plain values by their path; of long lists only the length. */
  entries: Map<string, string | number | boolean | null>;
  /** Reads `length` bytes of a tensor's storage, from `offset` on. */
  read: (tensor: TorchTensor, offset: number, length: number) => Promise<Uint8Array>;
};

const LARGEST_PICKLE = 24 * 2 ** 20;
const DEEPEST = 64;
const MOST_VISITS = 4_000_000;
const MOST_NAMED = 200_000;
const LONGEST_PATH = 1024;
const MOST_PATHS = 32 * 2 ** 20; // characters of all paths
const LONG_LIST = 64;
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** The magic number of the format before zip, near the beginning of the first pickle. */
export const LEGACY_MAGIC_BYTES = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/** Whether torch wrote an archive: `data.pkl` is at its top level or in its one folder. */
export function isTorchZip(zip: Map<string, ZipEntry>): boolean {
  return [...zip.keys()].some((name) => DATA.test(name));
}
const DATA = /^([^/]*\/)?data\.pkl$/;

/**
 * Reads a torch file in zip format: `<name>/data.pkl` and one entry for each storage, `<name>/data/<key>`.
 *
 * Of a TorchScript archive (it has `constants.pkl`) the tensors of its attributes and its constants (`CONSTANTS.c0`, …)
 * are read, in which a frozen network keeps its weights; its code is not read.
 */
export async function readTorchZip(source: ByteSource, zip: Map<string, ZipEntry>): Promise<TorchContents> {
  const where = 'openCheckpoint';
  const roots = [...zip.keys()].filter((name) => DATA.test(name)).map((name) => name.slice(0, -'data.pkl'.length));
  if (roots.length > 1)
    fail(
      Error,
      where,
      source.name,
      'a torch file with one data.pkl',
      roots.map((root) => `${root}data.pkl`).join(', '),
    );
  const [root] = roots;
  const scripted = zip.has(`${root}constants.pkl`);
  const order = zip.get(`${root}byteorder`);
  if (order) {
    const text = new TextDecoder().decode(await readZipEntry(source, `${root}byteorder`, order, 16)).trim();
    if (text !== 'little') fail(Error, where, source.name, 'a little-endian file', text);
  }

  const found = emptyContents();
  const entries = new Map<TorchTensor, { name: string; entry: ZipEntry; start?: number }>();
  const readPart = async (part: 'data' | 'constants') => {
    const name = `${root}${part}.pkl`;
    const entry = zip.get(name) as ZipEntry;
    assertStored(where, source.name, name, entry);
    if (entry.size > LARGEST_PICKLE)
      fail(Error, where, source.name, `a file whose ${part}.pkl takes at most ${LARGEST_PICKLE} bytes`, entry.size);
    const builder = torchBuilder(`${where}: ${source.name}`, scripted);
    const { value } = readPickle(await readZipEntry(source, name, entry), 0, builder, `${where}: ${source.name}`);
    const own = emptyContents();
    if (part === 'data') walk(`${where}: ${source.name}`, value, own);
    else if (Array.isArray(value))
      walk(`${where}: ${source.name}`, new Map(value.map((constant, i) => [`CONSTANTS.c${i}`, constant])), own);
    const stored = new Map(
      [...builder.storages.values()].map((storage) => {
        const key = `${root}${part}/${storage.key}`;
        const stored =
          zip.get(key) ??
          fail(Error, where, source.name, `a torch file with all its storages`, `none with the name ${key}`);
        assertStored(where, source.name, key, stored);
        assertRoom(where, source, storage, stored.size);
        return [storage.key, { name: key, entry: stored }] as const;
      }),
    );
    for (const [path, tensor] of own.tensors) {
      found.tensors.set(path, tensor);
      entries.set(tensor, stored.get(tensor.storage.key) as { name: string; entry: ZipEntry });
    }
    if (part === 'data') Object.assign(found, { dicts: scripted ? new Set(['']) : own.dicts, entries: own.entries });
  };
  await readPart('data');
  if (scripted) await readPart('constants');

  return {
    ...found,
    format: scripted ? 'torchscript' : 'torch-zip',
    async read(tensor, offset, length) {
      const stored = entries.get(tensor) as { name: string; entry: ZipEntry; start?: number };
      stored.start ??= await zipEntryStart(source, stored.name, stored.entry);
      const bytes = await source.read(stored.start + offset, length);
      if (length === stored.entry.size) assertCrc(source, stored.name, stored.entry, bytes);
      return bytes;
    },
  };
}

/**
 * Reads a torch file of the format before 1.6: pickles of magic number, protocol, machine, value and keys of storages,
 * then each storage as its length and its data.
 */
export async function readTorchLegacy(source: ByteSource): Promise<TorchContents> {
  const where = 'openCheckpoint';
  const { value, keys, builder, end } = await readLegacyPickles(source);
  const found = emptyContents();
  walk(`${where}: ${source.name}`, value, found);
  const starts = new Map<string, number>();
  let at = end;
  for (const key of keys.map(String)) {
    const storage =
      builder.storages.get(key) ??
      fail(Error, where, source.name, 'a torch file whose storages are all used', `one with the key ${key}`);
    if (starts.has(key)) fail(Error, where, source.name, 'a torch file whose storages have unique keys', key);
    const bytes = storage.length * widthOf(storage);
    if (!(at + 8 + bytes <= source.size))
      fail(
        Error,
        where,
        source.name,
        `at least ${at + 8 + bytes} bytes long for storage ${key}`,
        `${source.size} (cut off?)`,
      );
    starts.set(key, at + 8);
    at += 8 + bytes;
  }
  for (const key of builder.storages.keys()) {
    if (!starts.has(key))
      fail(Error, where, source.name, 'a torch file with all its storages', `none with the key ${key}`);
  }
  const checked = new Set<number>();
  return {
    ...found,
    format: 'torch-legacy',
    async read({ storage: { key } }, offset, length) {
      const start = starts.get(key) as number;
      if (!checked.has(start)) {
        const head = await source.read(start - 8, 8);
        const elements = new DataView(head.buffer, head.byteOffset, 8).getBigInt64(0, true);
        const expected = builder.storages.get(key)?.length;
        if (elements !== BigInt(expected as number))
          fail(Error, where, `${source.name}: storage ${key}`, `of ${expected} elements`, elements);
        checked.add(start);
      }
      return source.read(start + offset, length);
    },
  };
}

/** Reads the pickles at the start of a legacy file: usually a small part of it, so the read grows until they end. */
async function readLegacyPickles(source: ByteSource) {
  const where = 'openCheckpoint';
  for (let length = 2 ** 18; ; length *= 8) {
    const head = await source.read(0, Math.min(length, source.size, LARGEST_PICKLE));
    const builder = torchBuilder(`${where}: ${source.name}`, false);
    let at = 0;
    const next = () => {
      const { value, end } = readPickle(head, at, builder, `${where}: ${source.name}`);
      at = end;
      return value;
    };
    try {
      const magic = next();
      if (magic !== LEGACY_MAGIC) fail(Error, where, source.name, 'a torch file', 'one with another magic number');
      const protocol = next();
      if (protocol !== LEGACY_PROTOCOL)
        fail(
          Error,
          where,
          source.name,
          `a torch file of protocol ${LEGACY_PROTOCOL}`,
          typeof protocol === 'number' ? protocol : typeof protocol,
        );
      const machine = next();
      if (machine instanceof Map && machine.get('little_endian') === false)
        fail(Error, where, source.name, 'a little-endian file', 'a big-endian one');
      const value = next();
      const keys = next();
      if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string' || typeof key === 'number')) {
        return fail(Error, where, source.name, 'a torch file with a list of storages', typeof keys);
      }
      return { value, keys: keys as (string | number)[], builder, end: at };
    } catch (error) {
      if (!(error instanceof PickleCutOff) || head.length === source.size) throw error;
      if (head.length === LARGEST_PICKLE)
        fail(Error, where, source.name, `a torch file whose pickles take at most ${LARGEST_PICKLE} bytes`, 'more');
    }
  }
}

const widthOf = ({ dtype }: TorchStorage) => (dtype === undefined ? 1 : ARRAYS[dtype].BYTES_PER_ELEMENT);

function assertRoom(where: string, source: ByteSource, storage: TorchStorage, bytes: number): void {
  const wanted = storage.length * widthOf(storage);
  if (bytes < wanted)
    fail(Error, where, `${source.name}: storage ${storage.key}`, `at least ${wanted} bytes long`, bytes);
}

/** Reads one tensor, and of its storage only the part that it spans. */
export async function readTorchTensor(
  source: ByteSource,
  contents: TorchContents,
  name: string,
  tensor: TorchTensor,
): Promise<NamedArray> {
  const { dtype, shape, strides, offset } = tensor;
  const width = ARRAYS[dtype].BYTES_PER_ELEMENT;
  const span = spanOf(shape, strides);
  const bytes = await contents.read(tensor, offset * width, span * width);
  const flat = arrayOfBytes(`openCheckpoint: ${source.name}: ${name}`, dtype, [span], bytes);
  return isContiguous(shape, strides)
    ? ({ ...flat, shape: [...shape] } as NamedArray)
    : gatherStrided(flat, [...shape], strides);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (sizeOf(shape) === 0) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

type Found = Pick<TorchContents, 'tensors' | 'dicts' | 'entries'>;
const emptyContents = (): Found => ({ tensors: new Map(), dicts: new Set(), entries: new Map() });

/** Collects tensors and plain values by their dotted path. */
function walk(where: string, top: unknown, { tensors, dicts, entries }: Found): void {
  const open = new Set<unknown>();
  let visits = 0;
  let letters = 0;
  const bad = (rule: string, got: string): never => fail(Error, where, 'the file', rule, got);
  const count = () => {
    if (++visits > MOST_VISITS) bad('of at most 4 million values', 'more (one value referenced many times?)');
  };
  const isPlain = (value: unknown, depth: number): boolean => {
    count();
    if (Array.isArray(value)) return depth < 4 && value.every((item) => isPlain(item, depth + 1));
    return typeof value !== 'object' || value === null || value instanceof TorchOpaque || value instanceof Uint8Array;
  };
  const put = <A>(map: Map<string, A>, path: string, value: A) => {
    if (tensors.has(path) || entries.has(path)) bad('of values with unique paths', path);
    if (tensors.size + entries.size >= MOST_NAMED) bad(`of at most ${MOST_NAMED} tensors and values`, 'more');
    map.set(path, value);
  };
  const visit = (value: unknown, path: string, parent: string) => {
    count();
    letters += path.length;
    if (path.length > LONGEST_PATH || letters > MOST_PATHS)
      bad(`of paths of at most ${LONGEST_PATH} characters, ${MOST_PATHS} in total`, `${path.slice(0, 60)}…`);
    if (value instanceof TorchTensor) {
      put(tensors, path, value);
      dicts.add(parent);
    } else if (value instanceof TorchOpaque) put(entries, path, value.what);
    else if (value === null || ['string', 'number', 'boolean'].includes(typeof value))
      put(entries, path, value as string);
    else if (typeof value === 'bigint') put(entries, path, String(value));
    else if (value instanceof Uint8Array) put(entries, path, `${value.length} bytes`);
    else if (value instanceof Map || Array.isArray(value) || value instanceof TorchObject) {
      if (open.has(value) || open.size >= DEEPEST)
        bad(`a tree of at most ${DEEPEST} levels`, `a cycle or more levels at ${path || 'the top'}`);
      if (Array.isArray(value) && value.length > LONG_LIST && isPlain(value, 0))
        return put(entries, path, `list of ${value.length}`);
      open.add(value);
      const children = value instanceof TorchObject ? value.attributes : value;
      let i = 0;
      for (const [key, child] of children.entries()) {
        const name = typeof key === 'string' || typeof key === 'number' ? String(key) : `(${typeof key} ${i})`;
        visit(child, path === '' ? name : `${path}.${name}`, path);
        i++;
      }
      open.delete(value);
    }
    return undefined;
  };
  visit(top, '', '');
}
