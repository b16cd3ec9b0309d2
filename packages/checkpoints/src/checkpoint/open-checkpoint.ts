import { fail } from '@lipsync/contracts';
import { ARRAYS, type ArrayDtype, arrayOfBytes, type NamedArray, sizeOf } from '../arrays/named-array';
import { type ByteInput, type ByteSource, openByteSource } from '../files/byte-source';
import { isNpy, LARGEST_NPY_HEADER, npyNumbers, readNpyHeader } from '../npy/npy';
import { readSafetensorsHeader, safetensorsHeaderLength } from '../safetensors/safetensors-header';
import {
  isTorchZip,
  LEGACY_MAGIC_BYTES,
  readTorchLegacy,
  readTorchTensor,
  readTorchZip,
  type TorchContents,
} from '../torch/torch-file';
import { readZipDirectory, readZipEntry } from '../zip/zip-directory';

/** The format of a weights file. */
export type CheckpointFormat = TorchContents['format'] | 'safetensors' | 'npz' | 'npy';

/** An open weights file: its contents, and its tensors one at a time. */
export type Checkpoint = {
  /** Path or address. */
  readonly name: string;
  readonly format: CheckpointFormat;
  /** Metadata of a safetensors file; empty for other formats. */
  readonly metadata: Record<string, string>;
  /**
   * Dtype and shape of each tensor by its path; names of nested dicts are joined by dots (`state_dict.conv.weight`).
   */
  readonly tensors: Map<string, { dtype: ArrayDtype; shape: number[] }>;
  /** Paths of the dicts that contain tensors directly, `''` for the top level. The state dict is one of them. */
  readonly dicts: readonly string[];
  /** Other values of a torch file, such as `global_step`; of long lists only the length. */
  readonly entries: Map<string, string | number | boolean | null>;
  /** Size of the file in bytes. */
  readonly bytes: number;
  /**
   * Reads one tensor, in row-major order; takes the memory of that tensor. May be a view of the input bytes: do not
   * change it.
   */
  read(name: string): Promise<NamedArray>;
  /** Closes the file, or the source that was given. Safe to call twice. */
  close(): Promise<void>;
};

/**
 * Opens a weights file without reading its tensors: PyTorch's (zip format, the format before 1.6, TorchScript
 * archives), safetensors, npy, npz. Only directories and headers are read, by range, so a file of several GB takes no
 * memory; `read` then takes that of one tensor.
 *
 * No code in a file is ever executed: the pickle reader builds tensors and plain data, and refuses every other class or
 * function by its name.
 *
 * @param input a path (Node), an address that serves ranges, a Blob or File, bytes, or a `ByteSource`. The caller
 *   closes the checkpoint.
 * @throws Error that names the file, the place in it and what is wrong there.
 * @example
 * const file = await openCheckpoint('lipsync_expert.pth');
 * console.log(file.format, file.tensors.size);
 * await file.close();
 */
export async function openCheckpoint(input: ByteInput): Promise<Checkpoint> {
  const source = await openByteSource(input);
  try {
    return await openSource(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

async function openSource(source: ByteSource): Promise<Checkpoint> {
  const where = 'openCheckpoint';
  const head = await source.read(0, Math.min(512, source.size));
  const starts = (bytes: number[], from = 0) => bytes.every((byte, i) => head[from + i] === byte);
  if (starts([0x50, 0x4b, 3, 4])) {
    const zip = await readZipDirectory(source);
    if (isTorchZip(zip)) return torchCheckpoint(source, await readTorchZip(source, zip));
    const names = [...zip.keys()];
    if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) return npzCheckpoint(source, zip);
    fail(
      Error,
      where,
      source.name,
      'a torch file or npz archive',
      `a zip archive with ${names.slice(0, 3).join(', ') || 'nothing'}`,
    );
  }
  // Pickle protocols 2 and 3 begin with the magic number, 4 and 5 have a frame's length before it.
  if (head[0] === 0x80 && [2, 11].some((from) => starts(LEGACY_MAGIC_BYTES, from)))
    return torchCheckpoint(source, await readTorchLegacy(source));
  if (isNpy(head)) return npyCheckpoint(source);
  // The header of safetensors begins after its length, whose bytes do not occur in text.
  if (head[8] === 0x7b && !/^[\x20-\x7e\s]*$/.test(String.fromCharCode(...head.subarray(0, 8))))
    return safetensorsCheckpoint(source);
  return fail(Error, where, source.name, 'a torch, safetensors, npy or npz file', describeStart(head));
}

/** The start of a file of another format, in words where the format is known. */
function describeStart(head: Uint8Array): string {
  if (head.length === 0) return 'an empty file';
  const text = String.fromCharCode(...head.subarray(0, 512));
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) return 'a web page: the file itself was not downloaded';
  if (text.startsWith('version https://git-lfs')) return 'a Git LFS pointer: the file itself was not downloaded';
  if (text.slice(257, 262) === 'ustar')
    return 'a tar archive (torch before 0.2 wrote them: load and save it again with a newer one)';
  if (text.startsWith('\x1f\x8b')) return 'a gzip file: unpack it first';
  if (text.startsWith('\x89HDF')) return 'an HDF5 file';
  if (/^\x80[\x02-\x05]/.test(text)) return 'a pickle that torch.save did not write';
  const shown = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `one that begins with ${shown}`;
}

/**
 * Limits of the memory of all tensors together: views can share storage, but no honest file expands to many times its
 * own size.
 */
const MOST_TIMES = 16;
const MOST_BESIDE = 64 * 2 ** 20;

function checkpointOf(
  source: ByteSource,
  format: CheckpointFormat,
  tensors: Map<string, { dtype: ArrayDtype; shape: number[] }>,
  read: (name: string) => Promise<NamedArray>,
  more: Partial<Pick<Checkpoint, 'metadata' | 'entries' | 'dicts'>> = {},
): Checkpoint {
  let bytes = 0;
  for (const { dtype, shape } of tensors.values()) bytes += sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
  const most = MOST_TIMES * source.size + MOST_BESIDE;
  if (bytes > most)
    fail(
      Error,
      'openCheckpoint',
      source.name,
      `a file whose tensors take at most ${most} bytes`,
      `${bytes} (views of the same storage?)`,
    );
  return {
    name: source.name,
    format,
    metadata: {},
    entries: new Map(),
    dicts: tensors.size > 0 ? [''] : [],
    ...more,
    tensors: new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
    bytes: source.size,
    read: async (name) => {
      if (!tensors.has(name)) fail(RangeError, 'Checkpoint.read', 'name', `that of a tensor in ${source.name}`, name);
      return read(name);
    },
    close: () => source.close(),
  };
}

function torchCheckpoint(source: ByteSource, contents: TorchContents): Checkpoint {
  const { format, tensors, entries, dicts } = contents;
  const read = (name: string) =>
    readTorchTensor(source, contents, name, tensors.get(name) as NonNullable<ReturnType<typeof tensors.get>>);
  return checkpointOf(source, format, tensors, read, { entries, dicts: [...dicts] });
}

async function safetensorsCheckpoint(source: ByteSource): Promise<Checkpoint> {
  const where = `openCheckpoint: ${source.name}`;
  const length = safetensorsHeaderLength(where, await source.read(0, 8), source.size);
  const start = 8 + length;
  const { infos, metadata } = readSafetensorsHeader(where, await source.read(8, length), source.size - start);
  const tensors = new Map(infos.map((info) => [info.name, info]));
  const read = async (name: string) => {
    const { dtype, shape, begin, end } = tensors.get(name) as (typeof infos)[number];
    return arrayOfBytes(`${where}: ${name}`, dtype, shape, await source.read(start + begin, end - begin));
  };
  return checkpointOf(source, 'safetensors', tensors, read, { metadata });
}

async function npyCheckpoint(source: ByteSource): Promise<Checkpoint> {
  const where = `openCheckpoint: ${source.name}`;
  const header = readNpyHeader(await source.read(0, Math.min(source.size, LARGEST_NPY_HEADER)), where);
  const bytes = npyBytes(where, header, source.size);
  const read = async () => npyNumbers(header, await source.read(header.start, bytes), where);
  return checkpointOf(source, 'npy', new Map([['array', header]]), read);
}

async function npzCheckpoint(
  source: ByteSource,
  zip: Awaited<ReturnType<typeof readZipDirectory>>,
): Promise<Checkpoint> {
  const arrays = new Map<string, { dtype: ArrayDtype; shape: number[]; read: () => Promise<NamedArray> }>();
  for (const [file, entry] of zip) {
    const where = `openCheckpoint: ${source.name}: ${file}`;
    const header = readNpyHeader(await readZipEntry(source, file, entry, LARGEST_NPY_HEADER), where);
    npyBytes(where, header, entry.size);
    const read = async () =>
      npyNumbers(header, (await readZipEntry(source, file, entry)).subarray(header.start), where);
    arrays.set(file.replace(/\.npy$/, ''), { dtype: header.dtype, shape: header.shape, read });
  }
  const read = (name: string) => (arrays.get(name) as NonNullable<ReturnType<typeof arrays.get>>).read();
  return checkpointOf(source, 'npz', arrays, read);
}

/** Number of bytes of an array by its npy header, which must match the file. */
function npyBytes(where: string, { dtype, shape, start }: ReturnType<typeof readNpyHeader>, size: number): number {
  const bytes = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
  return start + bytes === size ? bytes : fail(Error, where, 'bytes', `${start + bytes}, as its header states`, size);
}
