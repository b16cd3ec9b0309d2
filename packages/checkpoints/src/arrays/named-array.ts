import { fail } from '@lipsync/contracts';

/** The typed array for each element type of a weights file; half floats are kept as their 16 bits. */
type ArrayTypes = {
  float64: Float64Array;
  float32: Float32Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int64: BigInt64Array;
  int32: Int32Array;
  int16: Int16Array;
  int8: Int8Array;
  uint64: BigUint64Array;
  uint32: Uint32Array;
  uint16: Uint16Array;
  uint8: Uint8Array;
  bool: Uint8Array;
};

/** Element types of a weights file. */
export type ArrayDtype = keyof ArrayTypes;

type ArrayConstructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayTypes[ArrayDtype];
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
};

/** The constructor of each element type's array. */
export const ARRAYS: Readonly<Record<ArrayDtype, ArrayConstructor>> = {
  float64: Float64Array,
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** An array with a shape and a dtype, outside the tensor engine: an entry of a state dict. Row-major. */
export type NamedArray = { [D in ArrayDtype]: { dtype: D; shape: number[]; data: ArrayTypes[D] } }[ArrayDtype];

/**
 * Number of elements of a shape; 1 for a scalar.
 *
 * @example
 * sizeOf([2, 3]); // 6
 */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, side) => size * side, 1);
}

/**
 * Little-endian bytes as a typed array.
 *
 * @returns a view on the bytes where they are aligned, else a copy.
 * @throws Error if the number of bytes does not match dtype and shape.
 */
export function arrayOfBytes(where: string, dtype: ArrayDtype, shape: number[], bytes: Uint8Array): NamedArray {
  const length = sizeOf(shape);
  const array = ARRAYS[dtype];
  const wanted = length * array.BYTES_PER_ELEMENT;
  if (bytes.length !== wanted)
    fail(Error, where, 'bytes', `${wanted} for ${dtype} [${shape.join(', ')}]`, bytes.length);
  const aligned = bytes.byteOffset % array.BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return { dtype, shape, data: new array(aligned.buffer, aligned.byteOffset, length) } as NamedArray;
}

/**
 * The elements of a strided view, in row-major order.
 *
 * @param flat the elements that the view spans, from its first one on.
 * @param strides in elements.
 * @returns a new array.
 */
export function gatherStrided(flat: NamedArray, shape: number[], strides: readonly number[]): NamedArray {
  const source = flat.data as Float32Array; // elements of any type are only copied
  const data = new (flat.data.constructor as typeof Float32Array)(sizeOf(shape));
  const index = new Array<number>(shape.length).fill(0);
  const last = shape.length - 1;
  for (let to = 0, from = 0; to < data.length; to++) {
    data[to] = source[from];
    for (let axis = last; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return { dtype: flat.dtype, shape, data } as unknown as NamedArray;
}

const single = new Float32Array(1);
const singleBits = new Uint32Array(single.buffer);

/** IEEE 754 half precision bits as a number, subnormals, infinities and NaN included. */
function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

let halfNumbers: Float32Array | undefined;

/** Every half float by its bits; a look-up is thirty times as fast as the computation. */
function halfFloatTable(): Float32Array {
  return (halfNumbers ??= Float32Array.from({ length: 65536 }, (_, bits) => fromFloat16(bits)));
}

function widen(halves: ArrayLike<number>): Float32Array {
  const table = halfFloatTable();
  const wide = new Float32Array(halves.length);
  for (let i = 0; i < wide.length; i++) wide[i] = table[halves[i]];
  return wide;
}

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: number): number {
  singleBits[0] = bits << 16;
  return single[0];
}

/**
 * The elements of an array as float32. Half floats are widened exactly, float64 and integers are rounded to the nearest
 * float32.
 *
 * @returns `sizeOf(array.shape)` values; the argument's own data where that is float32, else a new array.
 * @example
 * toFloat32({ dtype: 'float16', shape: [1], data: Uint16Array.of(0x3c00) }); // Float32Array [1]
 */
export function toFloat32(array: NamedArray): Float32Array {
  switch (array.dtype) {
    case 'float32':
      return array.data;
    case 'float16':
      return widen(array.data);
    case 'bfloat16':
      return Float32Array.from(array.data, fromBfloat16);
    case 'int64':
    case 'uint64':
      return Float32Array.from(array.data as Iterable<bigint>, Number);
    default:
      return new Float32Array(array.data);
  }
}

/** The bits of the nearest half float, ties to even; values beyond 65504 become infinite. */
function toFloat16Bits(value: number): number {
  single[0] = value;
  const bits = singleBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and above
  if (magnitude < 0x38800000) {
    // below 2^-14 half floats are multiples of 2^-24
    const scaled = Math.abs(single[0]) * 2 ** 24;
    const floor = Math.floor(scaled);
    const rest = scaled - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/**
 * A float array in half precision, half the bytes: about 3 decimal digits, magnitudes 6e-8 to 65504.
 *
 * @returns a new array with the same shape; for other dtypes than float32 and float64 the argument itself.
 * @example
 * toFloat16({ dtype: 'float32', shape: [1], data: Float32Array.of(0.1) }).data; // Uint16Array [11878]
 */
export function toFloat16(array: NamedArray): NamedArray {
  if (array.dtype !== 'float32' && array.dtype !== 'float64') return array;
  const data = new Uint16Array(array.data.length);
  for (let i = 0; i < data.length; i++) data[i] = toFloat16Bits(array.data[i]);
  return { dtype: 'float16', shape: array.shape, data };
}

/** Widths in which floats are stored. */
export type FloatDtype = 'float32' | 'float16' | 'bfloat16';

/** The bits of the bfloat16 nearest to the value in `single`, ties to even. */
function toBfloat16Bits(): number {
  const bits = singleBits[0];
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40; // still NaN without its lower half
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/**
 * Floats in another width, rounded to the nearest value, ties to even. float64 is rounded to float32 first.
 *
 * @returns a new array, or the argument where it has that width already or holds integers.
 * @throws RangeError that gives the first finite value that would become infinite.
 */
export function convertFloats(where: string, name: string, array: NamedArray, dtype: FloatDtype): NamedArray {
  if (array.dtype === dtype || !/float/.test(array.dtype)) return array;
  const source = array.dtype === 'float64' ? array.data : toFloat32(array);
  const data = dtype === 'float32' ? new Float32Array(source.length) : new Uint16Array(source.length);
  const infinity = dtype === 'float16' ? 0x7c00 : 0x7f80;
  for (let i = 0; i < data.length; i++) {
    const value = source[i];
    single[0] = value;
    data[i] = dtype === 'float32' ? single[0] : dtype === 'float16' ? toFloat16Bits(value) : toBfloat16Bits();
    const endless = dtype === 'float32' ? !Number.isFinite(data[i]) : (data[i] & 0x7fff) === infinity;
    if (endless && Number.isFinite(value))
      fail(RangeError, where, name, `of numbers that ${dtype} can hold`, `${value} at ${i}`);
  }
  return { dtype, shape: array.shape, data } as NamedArray;
}
