import { fail } from '@lipsync/contracts';
import type { ByteSource } from './byte-source';
import { ARRAYS, arrayOfBytes, type NamedArray, sizeOf } from './named-array';
import { readPickle } from './pickle';
import { torchBuilder, TorchObject, TorchOpaque, TorchTensor } from './torch-pickle';
import { assertStored, type ZipEntry } from './zip-directory';

/** What a torch file holds before any number is read. */
export type TorchContents = {
  format: 'torch-zip' | 'torch-legacy' | 'torchscript';
  /** Tensors by their dotted path from the top. */
  tensors: Map<string, TorchTensor>;
  /** Numbers, texts and the like by their path; of lists only the length. */
  entries: Map<string, string | number | boolean | null>;
  /** Where each storage's bytes begin, and how many there are. */
  storages: Map<string, { offset: number; bytes: number }>;
};

const LARGEST_PICKLE = 24 * 2 ** 20;
const DEEPEST = 64;
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

/** The magic number of the format before zip, as its pickle begins. */
export const LEGACY_START = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/**
 * The contents of a torch file in zip format: `<name>/data.pkl` and one entry a storage, `<name>/data/<key>`.
 *
 * A TorchScript archive (it has `constants.pkl`) is read for the tensors of its attributes; its code is never looked at.
 */
export async function readTorchZip(source: ByteSource, zip: Map<string, ZipEntry>): Promise<TorchContents> {
  const where = 'openCheckpoint';
  const root = [...zip.keys()].filter((name) => name.endsWith('data.pkl')).sort((a, b) => a.length - b.length)[0].slice(0, -'data.pkl'.length);
  assertStored(where, source.name, [...zip].filter(([name]) => !name.startsWith(`${root}code/`)));
  const scripted = zip.has(`${root}constants.pkl`);
  const order = zip.get(`${root}byteorder`);
  if (order) {
    const text = new TextDecoder().decode(await source.read(order.offset, Math.min(order.size, 16)));
    if (text.trim() !== 'little') fail(Error, where, source.name, 'of little-endian numbers', text);
  }
  const { offset, size } = zip.get(`${root}data.pkl`) as ZipEntry;
  if (size > LARGEST_PICKLE) fail(Error, where, source.name, `a file whose data.pkl takes at most ${LARGEST_PICKLE} bytes`, size);
  const { value } = readPickle(await source.read(offset, size), 0, torchBuilder(where, scripted), `${where}: ${source.name}`);
  const storages: TorchContents['storages'] = new Map();
  for (const [name, entry] of zip) {
    if (name.startsWith(`${root}data/`)) storages.set(name.slice(root.length + 5), { offset: entry.offset, bytes: entry.size });
  }
  return { format: scripted ? 'torchscript' : 'torch-zip', ...walk(where, value), storages };
}

/**
 * The contents of a torch file of the format before 1.6: pickles of magic number, protocol, machine and value, one of the storages' keys,
 * then each storage as its length and its numbers.
 */
export async function readTorchLegacy(source: ByteSource): Promise<TorchContents> {
  const where = 'openCheckpoint';
  const head = await source.read(0, Math.min(source.size, LARGEST_PICKLE));
  const builder = torchBuilder(where, false);
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(head, at, builder, `${where}: ${source.name}`);
    at = end;
    return value;
  };
  const magic = next();
  if (magic !== LEGACY_MAGIC) fail(Error, where, source.name, 'a torch file', 'another magic number');
  const protocol = next();
  if (protocol !== LEGACY_PROTOCOL) fail(Error, where, source.name, `a torch file of protocol ${LEGACY_PROTOCOL}`, protocol);
  const machine = next();
  if (machine instanceof Map && machine.get('little_endian') === false) fail(Error, where, source.name, 'of little-endian numbers', 'big-endian ones');
  const contents = walk(where, next());
  const keys = next();
  if (!Array.isArray(keys)) fail(Error, where, source.name, 'a torch file with a list of storages', typeof keys);
  const sizes = new Map([...contents.tensors.values()].map(({ storage }) => [storage.key, storage]));
  const storages: TorchContents['storages'] = new Map();
  for (const key of keys as unknown[]) {
    const storage = sizes.get(String(key));
    const lengthBytes = await source.read(at, 8);
    const length = Number(new DataView(lengthBytes.buffer, lengthBytes.byteOffset, 8).getBigInt64(0, true));
    if (storage && storage.length !== length) {
      fail(Error, where, source.name, `a torch file whose storage ${String(key)} has ${storage.length} numbers`, length);
    }
    // A storage that no tensor refers to has no known element size: nothing behind it can be found.
    if (!storage?.dtype) fail(Error, where, source.name, 'a torch file whose storages all have tensors', `storage ${String(key)} without one`);
    const bytes = length * ARRAYS[storage.dtype].BYTES_PER_ELEMENT;
    at += 8;
    if (storages.has(String(key))) fail(Error, where, source.name, 'a torch file whose storages have unique keys', key);
    if (at + bytes > source.size) fail(Error, where, source.name, `${at + bytes} bytes long (storage ${String(key)})`, `${source.size} (cut off?)`);
    storages.set(String(key), { offset: at, bytes });
    at += bytes;
  }
  return { format: 'torch-legacy', ...contents, storages };
}

/** Reads one tensor: no more of its storage than it spans. */
export async function readTorchTensor(source: ByteSource, { storages }: TorchContents, name: string, tensor: TorchTensor): Promise<NamedArray> {
  const where = `openCheckpoint: ${source.name}: ${name}`;
  const { dtype, shape, strides, offset, storage } = tensor;
  const stored = storages.get(storage.key);
  if (!stored) fail(Error, where, 'its storage', 'in the file', `none with the key ${storage.key}`);
  const width = ARRAYS[dtype].BYTES_PER_ELEMENT;
  const numbers = sizeOf(shape);
  const span = numbers === 0 ? 0 : shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis], 0) + 1;
  if ((offset + span) * width > stored.bytes) {
    fail(Error, where, 'its storage', `at least ${(offset + span) * width} bytes long`, stored.bytes);
  }
  const bytes = await source.read(stored.offset + offset * width, span * width);
  const flat = arrayOfBytes(where, dtype, [span], bytes);
  return isContiguous(shape, strides) ? ({ ...flat, shape } as NamedArray) : gather(flat, shape, strides);
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] > 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function gather(flat: NamedArray, shape: number[], strides: number[]): NamedArray {
  const length = sizeOf(shape);
  const data = new (flat.data.constructor as new (length: number) => Float32Array)(length);
  const source = flat.data as Float32Array;
  const index = new Array<number>(shape.length).fill(0);
  for (let to = 0, from = 0; to < length; to++) {
    data[to] = source[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return { dtype: flat.dtype, shape, data } as unknown as NamedArray;
}

/** Tensors and plain values by their dotted path. */
function walk(where: string, top: unknown): Pick<TorchContents, 'tensors' | 'entries'> {
  const tensors: TorchContents['tensors'] = new Map();
  const entries: TorchContents['entries'] = new Map();
  const open = new Set<unknown>();
  let visits = 0;
  const visit = (value: unknown, path: string) => {
    if (++visits > 4_000_000) fail(Error, where, 'the file', 'of at most 4 million values', 'more (one value used many times?)');
    if (value instanceof TorchTensor) tensors.set(path, value);
    else if (value instanceof TorchOpaque) entries.set(path, value.what);
    else if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) entries.set(path, value as string);
    else if (typeof value === 'bigint') entries.set(path, String(value));
    else if (value instanceof Uint8Array) entries.set(path, `${value.length} bytes`);
    else if (value instanceof Map || Array.isArray(value) || value instanceof TorchObject) {
      if (open.has(value) || open.size > DEEPEST) fail(Error, where, 'the file', `a tree of at most ${DEEPEST} levels`, `a circle or more levels at ${path || 'the top'}`);
      open.add(value);
      const children = value instanceof TorchObject ? value.attributes : value;
      const items = [...(children as Map<unknown, unknown>).entries()];
      const long = Array.isArray(children) && items.length > 64 && !items.some(([, item]) => typeof item === 'object');
      if (long) entries.set(path, `list of ${items.length}`);
      else for (const [key, child] of items) visit(child, path === '' ? String(key) : `${path}.${String(key)}`);
      open.delete(value);
    }
  };
  visit(top, '');
  return { tensors, entries };
}
