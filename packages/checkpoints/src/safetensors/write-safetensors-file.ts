import { fail } from '@lipsync/contracts';
import {
  ARRAYS,
  type ArrayDtype,
  convertFloats,
  type FloatDtype,
  type NamedArray,
  sizeOf,
} from '../arrays/named-array';
import { writeFileAtomic } from '../files/write-file-atomic';
import { safetensorsHead } from './safetensors';

/** A tensor whose data are read when it is written. */
export type SafetensorsEntry = {
  name: string;
  dtype: ArrayDtype;
  shape: readonly number[];
  /** Reads the data, which must match dtype and shape. Called once. */
  read: () => NamedArray | Promise<NamedArray>;
};

export type WriteSafetensorsOptions = {
  /** Text values in the file's header, such as a recipe. */
  metadata?: Record<string, string>;
  /** Type in which floats are stored; integers keep theirs. Default: each tensor's own. */
  floats?: FloatDtype;
};

/**
 * Writes a safetensors file one tensor at a time, so that a file of several GB takes the memory of its largest tensor;
 * atomically, as `writeFileAtomic`. The order in the file is the reference implementation's. Node only.
 *
 * @returns the number of bytes written.
 * @throws RangeError that names the tensor where a value is too large for the type of floats (65504 in float16);
 *   TypeError where the result of `read` does not match its entry.
 * @example
 * const file = await openCheckpoint('lipsync_expert.pth');
 * const entries = [...stateDictNames(file)].map(([name, inFile]) => {
 *   return { name, ...file.tensors.get(inFile)!, read: () => file.read(inFile) };
 * });
 * await writeSafetensorsFile('expert.safetensors', entries, { floats: 'float16' });
 * await file.close();
 */
export async function writeSafetensorsFile(
  path: string,
  entries: Iterable<SafetensorsEntry>,
  { metadata = {}, floats }: WriteSafetensorsOptions = {},
): Promise<number> {
  const where = 'writeSafetensorsFile';
  if (floats !== undefined && !/^(b?float16|float32)$/.test(floats)) {
    fail(TypeError, where, 'floats', 'float32, float16 or bfloat16', floats);
  }
  const stored = [...entries].map((entry) => ({
    entry,
    name: entry.name,
    dtype: storedDtype(entry.dtype, floats),
    shape: entry.shape,
  }));
  const { head, sorted } = safetensorsHead(where, stored, metadata);
  let written = 0;
  async function* pieces() {
    yield head;
    for (const { entry, dtype } of sorted) {
      const read = await entry.read();
      assertEntry(where, entry, read);
      const { data } = dtype === entry.dtype ? read : convertFloats(where, entry.name, read, dtype as FloatDtype);
      yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      written += data.byteLength;
    }
  }
  await writeFileAtomic(path, pieces());
  return head.length + written;
}

const storedDtype = (dtype: ArrayDtype, floats: FloatDtype | undefined) =>
  floats !== undefined && /float/.test(dtype) ? floats : dtype;

function assertEntry(where: string, { name, dtype, shape }: SafetensorsEntry, array: NamedArray): void {
  const same =
    array.dtype === dtype &&
    array.shape.length === shape.length &&
    shape.every((side, axis) => side === array.shape[axis]);
  const whole = array.data instanceof ARRAYS[dtype] && array.data.length === sizeOf(shape);
  if (same && whole) return;
  const got = `${array.dtype} [${array.shape.join(', ')}] with ${array.data?.length} values`;
  fail(TypeError, where, name, `${dtype} [${shape.join(', ')}], as its entry states`, got);
}
