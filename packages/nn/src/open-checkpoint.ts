import { fail } from '@lipsync/contracts';
import { type ByteInput, type ByteSource, openByteSource } from './byte-source';
import { ARRAYS, type ArrayDtype, arrayOfBytes, type NamedArray, sizeOf, toFloat32 } from './named-array';
import { isNpy, npyNumbers, readNpyHeader } from './npy';
import { readSafetensorsHeader, safetensorsHeaderLength } from './safetensors-header';
import { LEGACY_START, readTorchLegacy, readTorchTensor, readTorchZip, type TorchContents } from './torch-file';
import { assertStored, readZipDirectory } from './zip-directory';

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
  /** What else a torch file holds, such as `global_step`. */
  readonly entries: Map<string, string | number | boolean | null>;
  /** Bytes in all. */
  readonly bytes: number;
  /** One tensor, in row-major order; its memory is all that is taken. */
  read(name: string): Promise<NamedArray>;
  /** Closes the file. Safe to call twice. */
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
  const head = await source.read(0, Math.min(16, source.size));
  const starts = (bytes: number[]) => head.length >= bytes.length && bytes.every((byte, i) => head[i] === byte);
  if (starts([0x50, 0x4b, 3, 4])) {
    const zip = await readZipDirectory(source);
    const names = [...zip.keys()];
    if (names.some((name) => name.endsWith('data.pkl'))) return torchCheckpoint(source, await readTorchZip(source, zip));
    if (names.length > 0 && names.every((name) => name.endsWith('.npy'))) {
      assertStored(where, source.name, zip);
      return npyCheckpoint(source, zip, 'npz');
    }
    fail(Error, where, source.name, 'a torch file or npz archive', `a zip archive with ${names.slice(0, 3).join(', ') || 'nothing'}`);
  }
  if (starts(LEGACY_START)) return torchCheckpoint(source, await readTorchLegacy(source));
  if (isNpy(head)) return npyCheckpoint(source, new Map([['array.npy', { offset: 0, size: source.size }]]), 'npy');
  if (head.length > 8 && (head[8] === 0x7b || starts([0xff, 0xff, 0xff, 0xff]))) return safetensorsCheckpoint(source);
  const shown = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return fail(Error, where, source.name, 'a torch, safetensors, npy or npz file', shown ? `one that begins with ${shown}` : 'an empty file');
}

function torchCheckpoint(source: ByteSource, contents: TorchContents): Checkpoint {
  const tensors = new Map([...contents.tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }]));
  return {
    ...common(source),
    format: contents.format,
    metadata: {},
    tensors,
    entries: contents.entries,
    read: (name) => readTorchTensor(source, contents, name, known(source, contents.tensors, name)),
  };
}

async function safetensorsCheckpoint(source: ByteSource): Promise<Checkpoint> {
  const where = `openCheckpoint: ${source.name}`;
  const length = safetensorsHeaderLength(where, await source.read(0, 8), source.size);
  const start = 8 + length;
  const { infos, metadata } = readSafetensorsHeader(where, await source.read(8, length), source.size - start);
  const tensors = new Map(infos.map((info) => [info.name, info]));
  return {
    ...common(source),
    format: 'safetensors',
    metadata,
    tensors,
    entries: new Map(),
    async read(name) {
      const { dtype, shape, begin, end } = known(source, tensors, name);
      return arrayOfBytes(`${where}: ${name}`, dtype, shape, await source.read(start + begin, end - begin));
    },
  };
}

async function npyCheckpoint(source: ByteSource, files: Map<string, { offset: number; size: number }>, format: 'npy' | 'npz'): Promise<Checkpoint> {
  const arrays = new Map<string, { dtype: ArrayDtype; shape: number[]; read: () => Promise<NamedArray> }>();
  for (const [file, { offset, size }] of files) {
    const where = `openCheckpoint: ${source.name}: ${file}`;
    const header = readNpyHeader(await source.read(offset, Math.min(size, 65536 + 12)), where);
    const bytes = sizeOf(header.shape) * ARRAYS[header.dtype].BYTES_PER_ELEMENT;
    if (header.start + bytes !== size) fail(Error, where, 'bytes', `${header.start + bytes} by its header`, size);
    const read = async () => npyNumbers(header, await source.read(offset + header.start, bytes), where);
    arrays.set(file.replace(/\.npy$/, ''), { dtype: header.dtype, shape: header.shape, read });
  }
  return {
    ...common(source),
    format,
    metadata: {},
    tensors: arrays,
    entries: new Map(),
    read: (name) => known(source, arrays, name).read(),
  };
}

const common = (source: ByteSource) => ({ name: source.name, bytes: source.size, close: () => source.close() });

function known<A>(source: ByteSource, tensors: Map<string, A>, name: string): A {
  const found = tensors.get(name);
  return found ?? fail(RangeError, 'Checkpoint.read', 'name', `that of a tensor in ${source.name}`, name);
}

/** Where a container usually keeps its state dict. */
const CONTAINERS = ['state_dict', 'model_state_dict', 'model', 'net', 'net_g', 'generator', 'ema'];

/**
 * The state dict in a checkpoint, as names here and names there: the tensors at the top, or those of the one dict that holds a network
 * (`state_dict`, `net`, …); a `module.` in front of every name, which data-parallel training leaves, is taken away.
 *
 * @param prefix the dict to take, such as `state_dict.net_g`, where there are several.
 * @returns the name in the checkpoint by the name in the state dict.
 * @throws Error listing the dicts to choose from.
 * @example
 * for (const [name, inFile] of stateDictNames(file)) console.log(name, file.tensors.get(inFile)?.shape);
 */
export function stateDictNames(checkpoint: Pick<Checkpoint, 'name' | 'tensors'>, prefix?: string): Map<string, string> {
  const where = 'stateDictNames';
  const names = [...checkpoint.tensors.keys()];
  let chosen = prefix === undefined || prefix === '' ? '' : `${prefix.replace(/\.$/, '')}.`;
  if (chosen && !names.some((name) => name.startsWith(chosen))) {
    fail(RangeError, where, 'prefix', `in front of a tensor of ${checkpoint.name} (${tops(names).join(', ')})`, prefix);
  }
  if (prefix === undefined) {
    // Containers inside containers, as DINet's state_dict.net_g, are followed as long as there is one way to go.
    for (;;) {
      const below = tops(names.filter((name) => name.startsWith(chosen)).map((name) => name.slice(chosen.length)));
      const containers = below.filter((name) => CONTAINERS.includes(name) || /^net_/.test(name));
      if (containers.length === 0) break;
      const state = containers.includes('state_dict') ? ['state_dict'] : containers;
      if (state.length > 1) {
        fail(Error, where, 'prefix', `one of ${state.map((name) => chosen + name).join(', ')}, as ${checkpoint.name} has several`, prefix);
      }
      chosen += `${state[0]}.`;
    }
  }
  const found = names.filter((name) => name.startsWith(chosen)).map((name): [string, string] => [name.slice(chosen.length), name]);
  const wrapped = found.length > 0 && found.every(([name]) => name.startsWith('module.'));
  return new Map(found.map(([name, inFile]) => [wrapped ? name.slice('module.'.length) : name, inFile]));
}

const tops = (names: readonly string[]) => [...new Set(names.map((name) => name.split('.')[0]))];

export type ReadStateDictOptions = {
  /** As in `stateDictNames`. */
  prefix?: string;
  /** Floats of other widths become float32. Default true. */
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
      const float = /float/.test(array.dtype) && array.dtype !== 'float32';
      state.set(name, widen && float ? { dtype: 'float32', shape: array.shape, data: toFloat32(array) } : array);
    }
    return { state, metadata: checkpoint.metadata, format: checkpoint.format };
  } finally {
    await checkpoint.close();
  }
}
