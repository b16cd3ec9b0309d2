import { fail } from '@lipsync/contracts';
import { ARRAYS, type ArrayDtype, sizeOf } from '../arrays/named-array';
import { type PickleBuilder, PickleGlobal } from './pickle';

/** A storage outside the pickle, or a part of one. */
export type TorchStorage = {
  key: string;
  /** undefined: untyped bytes; each tensor names its element type. */
  dtype: ArrayDtype | undefined;
  /** Number of elements. */
  length: number;
  /** Where the part begins in the storage of that key, in elements. */
  begin: number;
};

/** A tensor as a pickle describes it: a view of a storage, with offset and strides in elements. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly dtype: ArrayDtype,
    readonly shape: number[],
    readonly strides: number[],
    /** From the beginning of the storage of that key. */
    readonly offset: number,
  ) {}
}

/** An object of a TorchScript archive, with its attributes. */
export class TorchObject {
  attributes = new Map<unknown, unknown>();
  constructor(readonly className: string) {}
}

/** A harmless object that is not needed, such as a device. */
export class TorchOpaque {
  constructor(readonly what: string) {}
}

/** Element types by PyTorch's names of storages. */
const STORAGES = new Map<string, ArrayDtype>([
  ['DoubleStorage', 'float64'],
  ['FloatStorage', 'float32'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['LongStorage', 'int64'],
  ['IntStorage', 'int32'],
  ['ShortStorage', 'int16'],
  ['CharStorage', 'int8'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
]);
/** Element types by PyTorch's names of dtypes. */
const DTYPES = new Map<string, ArrayDtype>([
  ['float64', 'float64'],
  ['double', 'float64'],
  ['float32', 'float32'],
  ['float', 'float32'],
  ['float16', 'float16'],
  ['half', 'float16'],
  ['bfloat16', 'bfloat16'],
  ['int64', 'int64'],
  ['long', 'int64'],
  ['int32', 'int32'],
  ['int', 'int32'],
  ['int16', 'int16'],
  ['short', 'int16'],
  ['int8', 'int8'],
  ['uint8', 'uint8'],
  ['uint16', 'uint16'],
  ['uint32', 'uint32'],
  ['uint64', 'uint64'],
  ['bool', 'bool'],
]);
const BUILTINS = /^(builtins|__builtin__)$/;
const LISTS = new Set(['list', 'tuple', 'set', 'frozenset']);
const OPAQUE = new Set([
  'torch.device',
  'torch.Tensor',
  'torch.nn.parameter.Parameter',
  'torch.serialization._get_layout',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'numpy.ndarray',
]);
/** TorchScript's wrappers of a list or dict; the first argument is the value. */
const WRAPPERS = new Set([
  'restore_type_tag',
  'build_intlist',
  'build_tensorlist',
  'build_doublelist',
  'build_boollist',
]);
/** Elements that an expanded tensor may have, however few its storage has. */
const MOST_REPEATED = 2 ** 20;
const MOST_AXES = 32;

type Call = (args: unknown[]) => unknown;

/**
 * Builds the values that a torch file's pickle may contain: tensors on storages, dicts, lists, NumPy scalars, and a few
 * names that are kept as names. Every other name is refused, so reading a file never executes its code.
 *
 * @param scripted whether classes of a TorchScript archive are read as plain trees of attributes.
 * @returns the builder for `readPickle`, and the storages that the pickle has named so far, by their keys.
 */
export function torchBuilder(
  where: string,
  scripted: boolean,
): PickleBuilder & { storages: Map<string, TorchStorage> } {
  const rule = 'a state dict of tensors, dicts, lists and numbers (of a whole model, save model.state_dict() instead)';
  const refuse = (what: string): never =>
    fail(Error, where, 'the file', rule, `one that asks for ${what.slice(0, 120)}, which is not run`);
  const storages = new Map<string, TorchStorage>();
  const calls: Map<string, Call> = new Map<string, Call>([
    [
      'torch._utils._rebuild_tensor',
      ([storage, offset, shape, strides]) => tensorOf(where, storage, offset, shape, strides),
    ],
    [
      'torch._utils._rebuild_tensor_v2',
      ([storage, offset, shape, strides]) => tensorOf(where, storage, offset, shape, strides),
    ],
    [
      'torch._utils._rebuild_tensor_v3',
      ([storage, offset, shape, strides, , , dtype]) =>
        tensorOf(where, storage, offset, shape, strides, dtypeOf(dtype)),
    ],
    ['torch._utils._rebuild_parameter', ([value]) => value],
    ['torch._utils._rebuild_parameter_with_state', ([value]) => value],
    [
      'torch._tensor._rebuild_from_type_v2', // a tensor with attributes: the call that makes it, its class, the arguments
      ([inner, , args]) => {
        const path = inner instanceof PickleGlobal ? inner.path : '';
        const call = path.startsWith('torch._utils.') ? calls.get(path) : undefined;
        return call && Array.isArray(args) ? call(args) : refuse(`a tensor made by ${path || typeof inner}`);
      },
    ],
    ['collections.OrderedDict', ([pairs]) => dictOf(where, pairs)],
    ['collections.Counter', ([pairs]) => dictOf(where, pairs)],
    ['collections.defaultdict', () => new Map()],
    ['torch.Size', ([list]) => (Array.isArray(list) ? list : [])],
    ['numpy.dtype', ([name]) => new TorchOpaque(`numpy.dtype ${String(name).slice(0, 8)}`)],
    ['numpy.core.multiarray.scalar', numpyNumber],
    ['numpy._core.multiarray.scalar', numpyNumber],
    [
      '_codecs.encode',
      ([text]) =>
        typeof text === 'string' ? Uint8Array.from(text, (letter) => letter.charCodeAt(0)) : new TorchOpaque('bytes'),
    ],
  ]);
  const isClass = ({ module }: PickleGlobal) => /^__torch__(\.|$)/.test(module);

  return {
    storages,
    find(global) {
      const { path, module, name } = global;
      const known =
        calls.has(path) ||
        OPAQUE.has(path) ||
        (BUILTINS.test(module) && (name === 'dict' || LISTS.has(name))) ||
        storageDtype(global) !== null ||
        (module === 'torch' && DTYPES.has(name)) ||
        (scripted && (isClass(global) || (module === 'torch.jit._pickle' && WRAPPERS.has(name))));
      return known ? global : refuse(path);
    },
    construct(callable, args) {
      if (!(callable instanceof PickleGlobal)) return refuse(`a call of a ${typeof callable}`);
      const { path, module, name } = callable;
      const call = calls.get(path);
      if (call) return call(args);
      if (OPAQUE.has(path)) return new TorchOpaque(path);
      if (BUILTINS.test(module))
        return name === 'dict' ? dictOf(where, args[0]) : Array.isArray(args[0]) ? args[0] : [];
      if (scripted && module === 'torch.jit._pickle') return args[0];
      if (scripted && isClass(callable)) return new TorchObject(path);
      return refuse(`a call of ${path}`);
    },
    build(object, state) {
      if (object instanceof TorchObject) {
        if (!(state instanceof Map)) refuse(`attributes of ${object.className} that are no dict`);
        object.attributes = state as Map<unknown, unknown>;
      } else if (!(object instanceof Map || object instanceof TorchOpaque || object instanceof TorchTensor)) {
        refuse('attributes for something that has none'); // those of an OrderedDict are its `_metadata`, which is not needed
      }
    },
    persistent(id) {
      const [kind, type, key, , length, piece] = Array.isArray(id) ? id : [];
      if (kind !== 'storage' || !(type instanceof PickleGlobal) || !['string', 'number'].includes(typeof key)) {
        return refuse(`an external value of kind ${typeof kind === 'string' ? kind : typeof id}`);
      }
      const dtype = storageDtype(type);
      if (dtype === null || !isCount(length)) return refuse(`a storage of type ${type.path}`);
      const storage: TorchStorage = { key: String(key), dtype, length, begin: 0 };
      const known = storages.get(storage.key) ?? storage;
      if (known.dtype !== dtype || known.length !== length) {
        fail(
          Error,
          where,
          `storage ${storage.key.slice(0, 40)}`,
          `of ${known.length} times ${known.dtype ?? 'byte'} at each use`,
          `${length} times ${dtype ?? 'byte'}`,
        );
      }
      storages.set(storage.key, known);
      return Array.isArray(piece) ? pieceOf(where, known, piece) : known;
    },
  };
}

/** Files of 2017 describe a view of a storage by (its own key, offset, length). */
function pieceOf(where: string, storage: TorchStorage, [, offset, length]: unknown[]): TorchStorage {
  if (!isCount(offset) || !isCount(length) || offset + length > storage.length) {
    fail(
      Error,
      where,
      `a view of storage ${storage.key.slice(0, 40)}`,
      `within its ${storage.length} elements`,
      `${String(length)} from ${String(offset)}`,
    );
  }
  return { ...storage, begin: offset, length };
}

/** undefined: a storage of untyped bytes; null: not a storage that can be read. */
function storageDtype({ module, name }: PickleGlobal): ArrayDtype | undefined | null {
  if (!/^torch(\.(cuda|storage))?$/.test(module)) return null;
  return name === 'UntypedStorage' ? undefined : (STORAGES.get(name) ?? null);
}

const dtypeOf = (value: unknown) =>
  value instanceof PickleGlobal && value.module === 'torch' ? DTYPES.get(value.name) : undefined;

function dictOf(where: string, given: unknown): Map<unknown, unknown> {
  if (given === undefined) return new Map();
  if (given instanceof Map) return new Map(given);
  const ok = Array.isArray(given) && given.every((pair) => Array.isArray(pair) && pair.length === 2);
  return ok ? new Map(given as [unknown, unknown][]) : fail(Error, where, 'a dict', 'made of pairs', typeof given);
}

/** NumPy scalars such as `numpy.float64(2.5)`, of NumPy's common types, as numbers. */
function numpyNumber([dtype, bytes]: unknown[]): unknown {
  const type = dtype instanceof TorchOpaque ? dtype.what.replace('numpy.dtype ', '') : '';
  if (bytes instanceof Uint8Array && bytes.length === Number(type.slice(1))) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (type === 'f8') return view.getFloat64(0, true);
    if (type === 'f4') return view.getFloat32(0, true);
    if (type === 'i8') return Number(view.getBigInt64(0, true));
    if (type === 'i4') return view.getInt32(0, true);
  }
  return new TorchOpaque(`numpy scalar ${type}`.trim());
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MOST_AXES && value.every(isCount);

/** Number of elements that a view with these strides spans. */
export function spanOf(shape: readonly number[], strides: readonly number[]): number {
  return sizeOf(shape) === 0 ? 0 : shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis], 0) + 1;
}

function tensorOf(
  where: string,
  storage: unknown,
  offset: unknown,
  shape: unknown,
  strides: unknown,
  given?: ArrayDtype,
): TorchTensor {
  const bad = (rule: string, got: unknown): never => fail(Error, where, 'a tensor', rule, got);
  const { key, dtype: stored, length, begin } = (storage ?? {}) as TorchStorage;
  const dtype = stored ?? given;
  if (key === undefined || dtype === undefined || (given !== undefined && given !== dtype)) {
    return bad(
      'a view of a storage of a supported type',
      key === undefined ? typeof storage : `${String(stored)} as ${String(given)}`,
    );
  }
  if (!isCount(offset) || !isCounts(shape) || !isCounts(strides) || shape.length !== strides.length) {
    return bad(
      'a view of a storage with integer offset, sizes and strides',
      Array.isArray(shape) ? `${shape.length} sizes` : typeof shape,
    );
  }
  const room = stored === undefined ? Math.floor(length / ARRAYS[dtype].BYTES_PER_ELEMENT) : length;
  const end = offset + spanOf(shape, strides);
  const elements = sizeOf(shape);
  if (!(Number.isSafeInteger(end) && (end <= room || elements === 0))) {
    bad(`within its storage of ${room} elements`, `[${shape.join(', ')}] by [${strides.join(', ')}] from ${offset}`);
  }
  if (!(elements <= Math.max(room, MOST_REPEATED)))
    bad(`of at most ${MOST_REPEATED} elements, with ${room} in its storage`, `[${shape.join(', ')}]`);
  return new TorchTensor(storage as TorchStorage, dtype, shape, strides, elements === 0 ? 0 : begin + offset);
}
