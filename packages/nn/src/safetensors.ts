import { fail } from '@lipsync/contracts';
import { assertUniqueKeys } from './json-keys';
import { type ArrayDtype, type NamedArray, sizeOf } from './named-array';

type ArrayConstructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NamedArray['data'];
  readonly BYTES_PER_ELEMENT: number;
};
type Element = { dtype: ArrayDtype; array: ArrayConstructor };

/** The format's element types in the order by which it sorts tensors, smallest first; 8-bit floats are not read. */
const ELEMENTS: Record<string, Element> = {
  BOOL: { dtype: 'bool', array: Uint8Array },
  U8: { dtype: 'uint8', array: Uint8Array },
  I8: { dtype: 'int8', array: Int8Array },
  I16: { dtype: 'int16', array: Int16Array },
  U16: { dtype: 'uint16', array: Uint16Array },
  F16: { dtype: 'float16', array: Uint16Array },
  BF16: { dtype: 'bfloat16', array: Uint16Array },
  I32: { dtype: 'int32', array: Int32Array },
  U32: { dtype: 'uint32', array: Uint32Array },
  F32: { dtype: 'float32', array: Float32Array },
  F64: { dtype: 'float64', array: Float64Array },
  I64: { dtype: 'int64', array: BigInt64Array },
  U64: { dtype: 'uint64', array: BigUint64Array },
};
const CODES = Object.keys(ELEMENTS);
const CODE_OF = Object.fromEntries(CODES.map((code) => [ELEMENTS[code].dtype, code])) as Record<ArrayDtype, string>;

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

/** The pieces of a safetensors file in order, the numbers as views: write them one after the other. */
export function safetensorsPieces(tensors: Map<string, NamedArray>, metadata: Record<string, string> = {}): Uint8Array[] {
  const where = 'encodeSafetensors';
  const header: [string, unknown][] = [];
  const entries = Object.entries(metadata);
  const odd = entries.find(([, value]) => typeof value !== 'string');
  if (odd) fail(TypeError, where, 'metadata', 'strings by name', `${typeof odd[1]} for ${odd[0]}`);
  if (entries.length > 0) header.push([METADATA_KEY, Object.fromEntries(entries)]);

  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) => CODES.indexOf(CODE_OF[b.dtype]) - CODES.indexOf(CODE_OF[a.dtype]) || compareNames(nameA, nameB),
  );
  const views: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    const code = CODE_OF[dtype];
    if (name === METADATA_KEY) fail(Error, where, 'tensors', `without the name ${METADATA_KEY}`, name);
    if (code === undefined || !(data instanceof ELEMENTS[code].array)) {
      fail(TypeError, where, name, `${code ? ELEMENTS[code].array.name : 'of a known dtype'} for its dtype`, dtype);
    }
    if (data.length !== sizeOf(shape)) fail(TypeError, where, name, `${sizeOf(shape)} numbers for [${shape.join(', ')}]`, data.length);
    header.push([name, { dtype: code, shape, data_offsets: [offset, offset + data.byteLength] }]);
    offset += data.byteLength;
    views.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }

  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8; // so that the numbers start on a multiple of 8
  if (padded > MAX_HEADER_BYTES) fail(RangeError, where, 'tensors', `few enough for a header of ${MAX_HEADER_BYTES} bytes`, padded);
  const head = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return [head, ...views];
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

type Info = { name: string; code: string; shape: number[]; begin: number; end: number };

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function readInfo(where: string, name: string, value: unknown): Info {
  const bad = (rule: string, got: unknown) => fail(Error, where, `bytes: tensor ${name}`, rule, got);
  if (!isRecord(value)) return bad('described by an object', value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENTS, dtype)) return bad(`of a dtype of ${CODES.join(', ')}`, dtype);
  if (!Array.isArray(shape) || !shape.every(isCount)) return bad('given a shape of whole numbers', shape);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) return bad('given two data_offsets', offsets);
  const [begin, end] = offsets as [number, number];
  const size = sizeOf(shape) * ELEMENTS[dtype].array.BYTES_PER_ELEMENT;
  if (!Number.isSafeInteger(size)) return bad('of a size that a number can hold', shape);
  if (end - begin !== size) return bad(`${size} bytes long for ${dtype} [${shape.join(', ')}]`, `${end - begin}`);
  return { name, code: dtype, shape, begin, end };
}

/** The header of a safetensors file, checked: metadata, and where each tensor lies behind the header. */
function readHeader(where: string, header: Uint8Array): { infos: Info[]; metadata: Record<string, string> } {
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
  return { infos, metadata: metadata as Record<string, string> };
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
  if (bytes.length < 8) fail(Error, where, 'bytes', 'a safetensors file of at least 8 bytes', bytes.length);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) fail(Error, where, 'bytes: header length', `at most ${MAX_HEADER_BYTES}`, `${length}`);
  const start = 8 + Number(length);
  if (start > bytes.length) fail(Error, where, 'bytes: header length', `within the file (${bytes.length} bytes)`, Number(length));
  const { infos, metadata } = readHeader(where, bytes.subarray(8, start));
  const end = infos.length > 0 ? infos[infos.length - 1].end : 0;
  if (start + end !== bytes.length) fail(Error, where, 'bytes', `${start + end} bytes long by its header`, bytes.length);
  const tensors = new Map<string, NamedArray>();
  for (const { name, code, shape, begin, end } of infos) {
    const { dtype, array } = ELEMENTS[code];
    const size = array.BYTES_PER_ELEMENT;
    const offset = bytes.byteOffset + start + begin;
    const data =
      offset % size === 0
        ? new array(bytes.buffer, offset, (end - begin) / size)
        : new array(new Uint8Array(bytes.subarray(start + begin, start + end)).buffer, 0, (end - begin) / size);
    tensors.set(name, { dtype, shape, data } as NamedArray);
  }
  return { tensors, metadata };
}
