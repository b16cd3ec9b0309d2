import { fail } from '@lipsync/contracts';
import { assertUniqueKeys } from './json-keys';
import { type ArrayDtype, ARRAYS, arrayOfBytes, type NamedArray, sizeOf } from './named-array';

/** The format's element types in the order by which it sorts tensors, smallest first; 8-bit floats are not read. */
const DTYPES: Record<string, ArrayDtype> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'bfloat16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  F64: 'float64',
  I64: 'int64',
  U64: 'uint64',
};
const CODES = Object.keys(DTYPES);
const CODE_OF = Object.fromEntries(CODES.map((code) => [DTYPES[code], code])) as Record<ArrayDtype, string>;

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA_KEY = '__metadata__';

/** UTF-8 byte order, by which the format sorts names (JS compares UTF-16 units). */
function compareNames(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) as number) - (right[i].codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Tensors in the order of the file, and the header's bytes with the length in front. */
export function safetensorsHead<A extends { name: string; dtype: ArrayDtype; shape: readonly number[] }>(
  where: string,
  tensors: readonly A[],
  metadata: Record<string, string>,
): { head: Uint8Array; sorted: A[] } {
  const header: [string, unknown][] = [];
  const entries = Object.entries(metadata);
  const odd = entries.find(([, value]) => typeof value !== 'string');
  if (odd) fail(TypeError, where, 'metadata', 'strings by name', `${typeof odd[1]} for ${odd[0]}`);
  if (entries.length > 0) header.push([METADATA_KEY, Object.fromEntries(entries)]);

  const sorted = [...tensors].sort((a, b) => CODES.indexOf(CODE_OF[b.dtype]) - CODES.indexOf(CODE_OF[a.dtype]) || compareNames(a.name, b.name));
  const names = new Set<string>();
  let offset = 0;
  for (const { name, dtype, shape } of sorted) {
    if (name === METADATA_KEY || names.has(name)) fail(Error, where, 'tensors', `of unique names without ${METADATA_KEY}`, name);
    if (CODE_OF[dtype] === undefined) fail(TypeError, where, name, 'of a known dtype', dtype);
    names.add(name);
    const bytes = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    if (!Number.isSafeInteger(offset + bytes) || !shape.every(isCount)) fail(TypeError, where, name, 'of a shape of whole numbers', `[${shape.join(', ')}]`);
    header.push([name, { dtype: CODE_OF[dtype], shape, data_offsets: [offset, offset + bytes] }]);
    offset += bytes;
  }

  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8; // so that the numbers start on a multiple of 8
  if (padded > MAX_HEADER_BYTES) fail(RangeError, where, 'tensors', `few enough for a header of ${MAX_HEADER_BYTES} bytes`, padded);
  const head = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return { head, sorted };
}

/** The pieces of a safetensors file in order, the numbers as views: write them one after the other. */
export function safetensorsPieces(tensors: Map<string, NamedArray>, metadata: Record<string, string> = {}): Uint8Array[] {
  const where = 'encodeSafetensors';
  for (const [name, { dtype, shape, data }] of tensors) {
    if (!(ARRAYS[dtype] && data instanceof ARRAYS[dtype])) fail(TypeError, where, name, `${ARRAYS[dtype]?.name ?? 'of a known dtype'} for its dtype`, dtype);
    if (data.length !== sizeOf(shape)) fail(TypeError, where, name, `${sizeOf(shape)} numbers for [${shape.join(', ')}]`, data.length);
  }
  const { head, sorted } = safetensorsHead(where, [...tensors].map(([name, array]) => ({ name, ...array })), metadata);
  return [head, ...sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/**
 * A safetensors file: eight bytes of header length, a JSON header, the numbers one tensor after the other.
 *
 * Byte for byte what the reference implementation (safetensors 0.4) writes: tensors sorted by type (widest first), then
 * by name, header padded with spaces to a multiple of 8. Little-endian machines only, as all that JS runs on.
 *
 * @returns a new array. For files beyond 2 GiB see `safetensorsPieces`.
 * @throws TypeError if an array does not hold what its dtype and shape say.
 * @example
 * await writeFileAtomic('weights.safetensors', encodeSafetensors(await net.stateDict(), { step: '1000' }));
 */
export function encodeSafetensors(tensors: Map<string, NamedArray>, metadata: Record<string, string> = {}): Uint8Array {
  const pieces = safetensorsPieces(tensors, metadata);
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** One tensor of a header; `begin` and `end` count from the header's end. */
export type SafetensorsInfo = { name: string; dtype: ArrayDtype; shape: number[]; begin: number; end: number };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function readInfo(where: string, name: string, value: unknown): SafetensorsInfo {
  const bad = (rule: string, got: unknown) => fail(Error, where, `bytes: tensor ${name}`, rule, got);
  if (!isRecord(value)) return bad('described by an object', value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) return bad(`of a dtype of ${CODES.join(', ')}`, dtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) return bad('given a shape of whole numbers', shape);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) return bad('given two data_offsets', offsets);
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(shape) * ARRAYS[DTYPES[dtype]].BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(size)) return bad('of a size that a number can hold', shape);
  if (end - begin !== size) return bad(`${size} bytes long for ${dtype} [${shape.join(', ')}]`, `${end - begin}`);
  return { name, dtype: DTYPES[dtype], shape, begin, end };
}

/** The header of a safetensors file, checked: metadata, and where each tensor lies in the `dataBytes` behind the header. */
export function readSafetensorsHeader(
  where: string,
  header: Uint8Array,
  dataBytes: number,
): { infos: SafetensorsInfo[]; metadata: Record<string, string> } {
  let parsed: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
    parsed = JSON.parse(text);
    assertUniqueKeys(where, text);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    fail(Error, where, 'bytes', 'a safetensors file with a JSON header', (error as Error).message);
  }
  if (!isRecord(parsed) || header[0] !== 0x7b) fail(Error, where, 'bytes', 'a safetensors file whose header starts with {', parsed);
  const metadata = parsed[METADATA_KEY] ?? {};
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    fail(Error, where, 'bytes: __metadata__', 'strings by name', metadata);
  }
  const infos = Object.entries(parsed)
    .filter(([name]) => name !== METADATA_KEY)
    .map(([name, value]) => readInfo(where, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let expected = 0;
  for (const { name, begin, end } of infos) {
    if (begin !== expected) fail(Error, where, `bytes: tensor ${name}`, `at ${expected}, behind the one before it`, begin);
    expected = end;
  }
  const start = 8 + header.length;
  if (expected !== dataBytes) fail(Error, where, 'bytes', `${start + expected} bytes long by its header`, start + dataBytes);
  return { infos, metadata: metadata as Record<string, string> };
}

/**
 * Length of the header of a safetensors file.
 *
 * @param first the file's first 8 bytes, or more.
 */
export function safetensorsHeaderLength(where: string, first: Uint8Array, fileBytes: number): number {
  if (first.length < 8) fail(Error, where, 'bytes', 'a safetensors file of at least 8 bytes', first.length);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) fail(Error, where, 'bytes: header length', `at most ${MAX_HEADER_BYTES}`, `${length}`);
  if (8 + Number(length) > fileBytes) fail(Error, where, 'bytes: header length', `within the file (${fileBytes} bytes)`, Number(length));
  return Number(length);
}

/**
 * Reads a safetensors file and checks all of it: header length and limit, JSON, unique names, known types, sizes, no
 * hole, no overlap, nothing left over.
 *
 * @param bytes the whole file. Where the alignment allows (always for files written by us) the arrays are views of it.
 * @returns tensors in file order. Half floats stay 16 bits wide; `toFloat32` widens them.
 * @throws Error that says what is wrong and where.
 * @example
 * const { tensors, metadata } = decodeSafetensors(await readFile('weights.safetensors'));
 * net.loadStateDict(tensors);
 */
export function decodeSafetensors(bytes: Uint8Array): { tensors: Map<string, NamedArray>; metadata: Record<string, string> } {
  const where = 'decodeSafetensors';
  const start = 8 + safetensorsHeaderLength(where, bytes, bytes.length);
  const { infos, metadata } = readSafetensorsHeader(where, bytes.subarray(8, start), bytes.length - start);
  const tensors = new Map<string, NamedArray>();
  for (const { name, dtype, shape, begin, end } of infos) {
    tensors.set(name, arrayOfBytes(where, dtype, shape, bytes.subarray(start + begin, start + end)));
  }
  return { tensors, metadata };
}
