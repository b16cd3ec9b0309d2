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

/** A tensor that is made when its turn to be written comes. */
export type SafetensorsEntry = {
  name: string;
  dtype: ArrayDtype;
  shape: readonly number[];
  /** Gives what dtype and shape say. Called once. */
  read: () => NamedArray | Promise<NamedArray>;
};

export type WriteSafetensorsOptions = {
  /** Texts in the file's header, such as a recipe. */
  metadata?: Record<string, string>;
  /** Width in which floats are stored; whole numbers stay what they are. Default: as they come. */
  floats?: FloatDtype;
};

/**
 * Writes a safetensors file one tensor after the other, so that a file of several GB takes the memory of its largest tensor; all of it or
 * nothing, as `writeFileAtomic`. The order in the file is the reference implementation's. Node only.
 *
 * @returns the bytes written.
 * @throws RangeError that names the tensor where a number is too large for the width asked for (65504 in float16); TypeError where `read` gives
 *   something else than its entry says.
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
  const got = `${array.dtype} [${array.shape.join(', ')}] with ${array.data?.length} numbers`;
  fail(TypeError, where, name, `${dtype} [${shape.join(', ')}], as its entry says`, got);
}
