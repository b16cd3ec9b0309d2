import { fail } from '@lipsync/contracts';
import { type ArrayDtype, arrayOfBytes, gatherStrided, type NamedArray, sizeOf } from '../arrays/named-array';

/** Element types by NumPy's names; little-endian, or of one byte. */
const TYPES: Record<string, ArrayDtype> = {
  '<f8': 'float64',
  '<f4': 'float32',
  '<f2': 'float16',
  '<i8': 'int64',
  '<i4': 'int32',
  '<i2': 'int16',
  '|i1': 'int8',
  '<u8': 'uint64',
  '<u4': 'uint32',
  '<u2': 'uint16',
  '|u1': 'uint8',
  '|b1': 'bool',
};
const LARGEST_HEADER = 65536;
/** Number of bytes that contain any accepted header. */
export const LARGEST_NPY_HEADER = LARGEST_HEADER + 12;
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** The header of an npy file, and where its data begin. */
export type NpyHeader = { dtype: ArrayDtype; shape: number[]; columnMajor: boolean; start: number };

/** Whether a file with these first bytes is an npy file. */
export function isNpy(head: Uint8Array): boolean {
  return MAGIC.every((byte, i) => head[i] === byte);
}

/**
 * Reads the header of an npy file of version 1 to 3.
 *
 * @param head the whole file, or at least its first 64 KiB and 12 bytes.
 * @throws Error for other files, Python objects and records, big-endian numbers, and headers that are cut off or longer
 *   than 64 KiB.
 */
export function readNpyHeader(head: Uint8Array, where = 'decodeNpy'): NpyHeader {
  const bad = (rule: string, got: unknown): never => fail(Error, where, 'bytes', rule, got);
  if (!isNpy(head) || head.length < 12) bad('an npy file', 'another one');
  const major = head[6];
  if (major < 1 || major > 3) bad('an npy file of version 1 to 3', `${major}.${head[7]}`);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [length, at] = major === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  if (length > LARGEST_HEADER || at + length > head.length)
    bad(`an npy file with a header of at most ${LARGEST_HEADER} bytes in it`, length);
  const text = new TextDecoder().decode(head.subarray(at, at + length));
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const sides = /'shape':\s*\(((?:\d+L?, ?)*(?:\d+L?)?)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || sides === undefined)
    bad('an npy file of plain numbers with descr, fortran_order and shape', text.slice(0, 80));
  const type = (descr as string).replace(/^=/, '<');
  if (!Object.hasOwn(TYPES, type)) bad(`an npy file of ${Object.keys(TYPES).join(', ')}`, descr);
  const shape = (sides as string)
    .split(',')
    .map((side) => side.replace('L', '').trim())
    .filter((side) => side !== '')
    .map(Number);
  if (shape.length > 32 || !Number.isSafeInteger(sizeOf(shape)) || !shape.every(Number.isSafeInteger))
    bad('an npy file of a size that a number can hold', sides);
  return { dtype: TYPES[type], shape, columnMajor: order === 'True', start: at + length };
}

/**
 * Reads an npy file.
 *
 * Source: NumPy's format description, versions 1.0 to 3.0; Fortran order is converted to C order.
 *
 * @param bytes the whole file.
 * @returns a row-major array; a view of `bytes` where alignment and order allow it.
 * @throws Error for other files, Python objects, records and big-endian data, and where the file's length does not
 *   match its header.
 * @example
 * const { shape, data } = decodeNpy(await readFile('logits.npy'));
 */
export function decodeNpy(bytes: Uint8Array): NamedArray {
  const header = readNpyHeader(bytes);
  return npyNumbers(header, bytes.subarray(header.start));
}

/**
 * Encodes an npy file: version 1.0, row-major, little-endian, as `numpy.save` writes it.
 *
 * @param array of any dtype but bfloat16, which NumPy does not have.
 * @returns a new array.
 * @throws TypeError for bfloat16, and for data whose length does not match the shape.
 * @example
 * await writeFile('logits.npy', encodeNpy({ dtype: 'float32', shape: [steps, bins], data }));
 */
export function encodeNpy({ dtype, shape, data }: NamedArray): Uint8Array {
  const descr = Object.entries(TYPES).find(([, name]) => name === dtype)?.[0];
  if (descr === undefined) fail(TypeError, 'encodeNpy', 'array.dtype', Object.values(TYPES).join(', '), dtype);
  if (data.length !== sizeOf(shape))
    fail(TypeError, 'encodeNpy', 'array.data', `${sizeOf(shape)} values for [${shape.join(', ')}]`, data.length);
  const sides = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sides}), }`;
  const start = Math.ceil((MAGIC.length + 4 + text.length + 1) / 64) * 64; // numpy's alignment
  const out = new Uint8Array(start + data.byteLength);
  out.set([...MAGIC, 1, 0]);
  new DataView(out.buffer).setUint16(8, start - 10, true);
  out.set(new TextEncoder().encode(`${text.padEnd(start - 11)}\n`), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return out;
}

/** The data of an npy file as a row-major array. */
export function npyNumbers(
  { dtype, shape, columnMajor }: NpyHeader,
  body: Uint8Array,
  where = 'decodeNpy',
): NamedArray {
  const array = arrayOfBytes(where, dtype, shape, body);
  if (!columnMajor || shape.length < 2) return array;
  return gatherStrided(
    array,
    shape,
    shape.map((_, axis) => sizeOf(shape.slice(0, axis))),
  );
}
