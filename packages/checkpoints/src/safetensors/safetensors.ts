import { fail } from '@lipsync/contracts';
import { ARRAYS, type ArrayDtype, arrayOfBytes, type NamedArray, sizeOf } from '../arrays/named-array';
import {
  isCount,
  MAX_HEADER_BYTES,
  METADATA_KEY,
  MOST_NAMES,
  readSafetensorsHeader,
  SAFETENSORS_DTYPES,
  safetensorsHeaderLength,
} from './safetensors-header';

const CODES = Object.keys(SAFETENSORS_DTYPES);
const CODE_OF = Object.fromEntries(CODES.map((code) => [SAFETENSORS_DTYPES[code], code])) as Record<ArrayDtype, string>;

/** Compares names by UTF-8 bytes, the format's sorting order (JS compares UTF-16 units). */
function compareNames(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i].codePointAt(0) as number) - (right[i].codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/** Tensors in file order, and the bytes of the header after its length. */
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

  if (tensors.length > MOST_NAMES) fail(RangeError, where, 'tensors', `at most ${MOST_NAMES}`, tensors.length);
  const sorted = [...tensors].sort(
    (a, b) => CODES.indexOf(CODE_OF[b.dtype]) - CODES.indexOf(CODE_OF[a.dtype]) || compareNames(a.name, b.name),
  );
  const names = new Set<string>();
  let offset = 0;
  for (const { name, dtype, shape } of sorted) {
    if (name === METADATA_KEY || names.has(name))
      fail(Error, where, 'tensors', `of unique names without ${METADATA_KEY}`, name);
    if (CODE_OF[dtype] === undefined) fail(TypeError, where, name, 'of a known dtype', dtype);
    names.add(name);
    const bytes = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
    if (!Number.isSafeInteger(offset + bytes) || !shape.every(isCount))
      fail(TypeError, where, name, 'of a shape of whole numbers', `[${shape.join(', ')}]`);
    header.push([name, { dtype: CODE_OF[dtype], shape, data_offsets: [offset, offset + bytes] }]);
    offset += bytes;
  }

  const json = `{${header.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8; // so that the data start on a multiple of 8
  if (padded > MAX_HEADER_BYTES)
    fail(RangeError, where, 'tensors', `few enough for a header of ${MAX_HEADER_BYTES} bytes`, padded);
  const head = new Uint8Array(8 + padded).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);
  return { head, sorted };
}

/**
 * A safetensors file as pieces to write in order: the header, then the data of each tensor as a view. For files beyond
 * 2 GiB.
 *
 * @throws TypeError if an array does not match its dtype and shape.
 * @example
 * await writeFileAtomic('weights.safetensors', safetensorsPieces(state));
 */
export function safetensorsPieces(
  tensors: Map<string, NamedArray>,
  metadata: Record<string, string> = {},
): Uint8Array[] {
  const where = 'encodeSafetensors';
  for (const [name, { dtype, shape, data }] of tensors) {
    if (!(ARRAYS[dtype] && data instanceof ARRAYS[dtype]))
      fail(TypeError, where, name, `${ARRAYS[dtype]?.name ?? 'of a known dtype'} for its dtype`, dtype);
    if (data.length !== sizeOf(shape))
      fail(TypeError, where, name, `${sizeOf(shape)} values for [${shape.join(', ')}]`, data.length);
  }
  const { head, sorted } = safetensorsHead(
    where,
    [...tensors].map(([name, array]) => ({ name, ...array })),
    metadata,
  );
  return [head, ...sorted.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/**
 * Encodes a safetensors file: eight bytes of header length, a JSON header, the data of one tensor after the other.
 *
 * Byte for byte as the reference implementation (safetensors 0.4) writes it: tensors sorted by type (widest first),
 * then by name, header padded with spaces to a multiple of 8. Little-endian machines only, as are all on which JS runs.
 *
 * @returns a new array. For files beyond 2 GiB see `safetensorsPieces`.
 * @throws TypeError if an array does not match its dtype and shape.
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

/**
 * Decodes a safetensors file and checks all of it: length of the header, JSON, unique names, known types, sizes, no
 * gap, no overlap, nothing left over.
 *
 * @param bytes the whole file. The arrays are views of it where alignment allows (always for files that
 *   `encodeSafetensors` wrote).
 * @returns tensors in file order. Half floats stay 16 bits wide; `toFloat32` widens them.
 * @throws Error that names the tensor or place and what is wrong there.
 * @example
 * const { tensors, metadata } = decodeSafetensors(await readFile('weights.safetensors'));
 * net.loadStateDict(tensors);
 */
export function decodeSafetensors(bytes: Uint8Array): {
  tensors: Map<string, NamedArray>;
  metadata: Record<string, string>;
} {
  const where = 'decodeSafetensors';
  const start = 8 + safetensorsHeaderLength(where, bytes, bytes.length);
  const { infos, metadata } = readSafetensorsHeader(where, bytes.subarray(8, start), bytes.length - start);
  const tensors = new Map<string, NamedArray>();
  for (const { name, dtype, shape, begin, end } of infos) {
    tensors.set(name, arrayOfBytes(where, dtype, shape, bytes.subarray(start + begin, start + end)));
  }
  return { tensors, metadata };
}
