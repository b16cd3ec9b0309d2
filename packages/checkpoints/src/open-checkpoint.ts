import { fail } from '@lipsync/contracts';
import { type ByteInput, type ByteSource, openByteSource } from './files/byte-source';
import { ARRAYS, type ArrayDtype, arrayOfBytes, convertFloats, type NamedArray, sizeOf } from './named-array';
import { isNpy, LARGEST_NPY_HEADER, npyNumbers, readNpyHeader } from './npy/npy';
import { readSafetensorsHeader, safetensorsHeaderLength } from './safetensors/safetensors-header';
import {
  isTorchZip,
  LEGACY_MAGIC_BYTES,
  readTorchLegacy,
  readTorchTensor,
  readTorchZip,
  type TorchContents,
} from './torch/torch-file';
import { readZipDirectory, readZipEntry } from './zip/zip-directory';

export type CheckpointFormat = TorchContents['format'] | 'safetensors' | 'npz' | 'npy';

/** A file of weights: what is in it, and its tensors one at a time. */
export type Checkpoint = {
  /** Path or address. */
  readonly name: string;
  readonly format: CheckpointFormat;
  /** Texts that a safetensors file carries; empty for others. */
  readonly metadata: Record<string, string>;
  /** What the tensors are, by dotted path: dicts in dicts are joined (`state_dict.conv.weight`). */
  readonly tensors: Map<string, { dtype: ArrayDtype; shape: number[] }>;
  /** Paths of the dicts that hold tensors themselves, `''` for the top: among them is the state dict. */
  readonly dicts: readonly string[];
  /** What else a torch file holds, such as `global_step`; of long lists only how long they are. */
  readonly entries: Map<string, string | number | boolean | null>;
  /** Bytes in all. */
  readonly bytes: number;
  /** One tensor, in row-major order; its memory is all that is taken. May be a view where the input was bytes: not to be changed. */
  read(name: string): Promise<NamedArray>;
  /** Closes the file, or the source that was given. Safe to call twice. */
  close(): Promise<void>;
};

/**
 * Opens a file of weights without reading its numbers: PyTorch's (zip format, the format before 1.6, TorchScript archives), safetensors, npy,
 * npz. Only directories and descriptions are read, by range, so a file of several GB takes no memory; `read` then takes that of one tensor.
 *
 * Nothing in a file is ever run: pickles are rebuilt by a machine that knows tensors and plain data and refuses all else by its name.
 *
 * @param input a path (Node), an address that serves ranges, a Blob or File, bytes, or a `ByteSource`. The caller closes the checkpoint.
 * @throws Error that says what is wrong with the file, and where.
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
  // Pickle protocols 2 and 3 have the magic number at once, 4 and 5 a frame's length before it.
  if (head[0] === 0x80 && [2, 11].some((from) => starts(LEGACY_MAGIC_BYTES, from)))
    return torchCheckpoint(source, await readTorchLegacy(source));
  if (isNpy(head)) return npyCheckpoint(source);
  // The header of safetensors begins behind its length, which has bytes that no text has.
  if (head[8] === 0x7b && !/^[\x20-\x7e\s]*$/.test(String.fromCharCode(...head.subarray(0, 8))))
    return safetensorsCheckpoint(source);
  return fail(Error, where, source.name, 'a torch, safetensors, npy or npz file', describeStart(head));
}

/** What a file that is none of ours begins with, in words where these are known. */
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

/** What the reading of a tensor may take in memory, all tensors together: no file holds more than a few times its own size. */
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
      `${bytes} (views on the same numbers?)`,
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

/** How many bytes an npy header asks for: as many as there are. */
function npyBytes(where: string, { dtype, shape, start }: ReturnType<typeof readNpyHeader>, size: number): number {
  const bytes = sizeOf(shape) * ARRAYS[dtype].BYTES_PER_ELEMENT;
  return start + bytes === size ? bytes : fail(Error, where, 'bytes', `${start + bytes} by its header`, size);
}

/** What the dict that holds a network is usually called. */
const CONTAINERS =
  /^(state_dict|model_state_dict|model_state|model|net|network|generator|params|params_ema|ema|net_\w+|\w+_state_dict)$/;

/**
 * The state dict in a checkpoint, as names here and names there: the tensors of the one dict that holds a network (the top itself,
 * `state_dict`, `state_dict.net_g`, …; what an optimiser keeps is passed over). A `module.` in front of every name, which data-parallel training
 * leaves, is taken away.
 *
 * @param prefix the dict to take, such as `state_dict.net_g`, where there are several; `''` takes everything.
 * @returns the name in the checkpoint by the name in the state dict.
 * @throws Error listing the dicts to choose from.
 * @example
 * for (const [name, inFile] of stateDictNames(file)) console.log(name, file.tensors.get(inFile)?.shape);
 */
export function stateDictNames(
  checkpoint: Pick<Checkpoint, 'name' | 'tensors' | 'dicts'>,
  prefix?: string,
): Map<string, string> {
  const names = [...checkpoint.tensors.keys()];
  const chosen = prefix?.replace(/\.$/, '') ?? chooseDict(checkpoint, names);
  const start = chosen === '' ? '' : `${chosen}.`;
  const inside = names.filter((name) => name.startsWith(start));
  if (inside.length === 0 && prefix) {
    fail(
      RangeError,
      'stateDictNames',
      'prefix',
      `in front of a tensor of ${checkpoint.name} (${listed(checkpoint.dicts)})`,
      prefix,
    );
  }
  // Constants of a TorchScript archive are weights only where there are no others.
  const own = inside.some((name) => !CONSTANT.test(name)) ? inside.filter((name) => !CONSTANT.test(name)) : inside;
  const found = own.map((name): [string, string] => [name.slice(start.length), name]);
  const wrapped = found.length > 0 && found.every(([name]) => name.startsWith('module.'));
  return new Map(found.map(([name, inFile]) => [wrapped ? name.slice('module.'.length) : name, inFile]));
}

const CONSTANT = /^CONSTANTS\.c\d+/;
const listed = (dicts: readonly string[]) =>
  dicts
    .slice(0, 12)
    .map((dict) => dict || "''")
    .join(', ') + (dicts.length > 12 ? ', …' : '');

function chooseDict({ name, dicts }: Pick<Checkpoint, 'name' | 'dicts'>, names: readonly string[]): string {
  const networks = dicts.filter((dict) => !/(^|[._])(optim\w*|sched\w*|scaler)([._]|$)|(^|\.)state\.\d+$/.test(dict));
  if (networks.length === 1) return networks[0];
  const called = networks.filter((dict) => dict.split('.').some((part) => CONTAINERS.test(part)));
  if (called.length === 0 && networks.includes('')) return '';
  const exact = called.filter((dict) => dict === 'state_dict' || dict === 'model_state_dict');
  const left = exact.length > 0 ? exact : called.length > 0 ? called : networks;
  if (left.length === 1) return left[0];
  return names.length === 0
    ? ''
    : fail(Error, 'stateDictNames', 'prefix', `one of ${listed(left)}, as ${name} has several`, undefined);
}

export type ReadStateDictOptions = {
  /** As in `stateDictNames`. */
  prefix?: string;
  /** Floats of other widths become float32; one that float32 cannot hold is refused. Default true. */
  widen?: boolean;
};

/**
 * A whole state dict, for `Module.loadStateDict`. All of it is in memory: for networks, not for files of several GB.
 *
 * @example
 * net.loadStateDict((await readStateDict('syncnet_v2.model')).state);
 */
export async function readStateDict(
  input: ByteInput,
  { prefix, widen = true }: ReadStateDictOptions = {},
): Promise<{ state: Map<string, NamedArray>; metadata: Record<string, string>; format: CheckpointFormat }> {
  const checkpoint = await openCheckpoint(input);
  try {
    const state = new Map<string, NamedArray>();
    for (const [name, inFile] of stateDictNames(checkpoint, prefix)) {
      const array = await checkpoint.read(inFile);
      state.set(name, widen ? convertFloats('readStateDict', name, array, 'float32') : array);
    }
    return { state, metadata: checkpoint.metadata, format: checkpoint.format };
  } finally {
    await checkpoint.close();
  }
}
