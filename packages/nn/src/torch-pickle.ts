import { fail } from '@lipsync/contracts';
import { sizeOf, type ArrayDtype } from './named-array';
import { PickleGlobal, type PickleBuilder } from './pickle';

/** A storage of numbers that lies outside the pickle. */
export type TorchStorage = { key: string; dtype: ArrayDtype | undefined; length: number };

/** A tensor as a pickle describes it: a view on a storage, offset and strides in elements. */
export class TorchTensor {
  constructor(
    readonly storage: TorchStorage,
    readonly dtype: ArrayDtype,
    readonly shape: number[],
    readonly strides: number[],
    readonly offset: number,
  ) {}
}

/** An object of a TorchScript archive: its attributes. */
export class TorchObject {
  attributes = new Map<unknown, unknown>();
  constructor(readonly className: string) {}
}

/** Something harmless that is not needed, such as a device or a numpy number. */
export class TorchOpaque {
  constructor(readonly what: string) {}
}

/** Element types by PyTorch's names of storages and dtypes. */
const STORAGES: Record<string, ArrayDtype> = {
  DoubleStorage: 'float64',
  FloatStorage: 'float32',
  HalfStorage: 'float16',
  BFloat16Storage: 'bfloat16',
  LongStorage: 'int64',
  IntStorage: 'int32',
  ShortStorage: 'int16',
  CharStorage: 'int8',
  ByteStorage: 'uint8',
  BoolStorage: 'bool',
};
const DTYPES: Record<string, ArrayDtype> = {
  float64: 'float64',
  double: 'float64',
  float32: 'float32',
  float: 'float32',
  float16: 'float16',
  half: 'float16',
  bfloat16: 'bfloat16',
  int64: 'int64',
  long: 'int64',
  int32: 'int32',
  int: 'int32',
  int16: 'int16',
  short: 'int16',
  int8: 'int8',
  uint8: 'uint8',
  bool: 'bool',
};
const DICTS = new Set(['collections.OrderedDict', 'builtins.dict', '__builtin__.dict']);
const LISTS = new Set(['torch.Size', 'builtins.list', 'builtins.tuple', 'builtins.set', '__builtin__.list', '__builtin__.set', '__builtin__.tuple']);
const OPAQUE = new Set([
  'torch.device',
  'numpy.dtype',
  'numpy.core.multiarray.scalar',
  'numpy._core.multiarray.scalar',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'numpy.ndarray',
  '_codecs.encode',
  'torch.serialization._get_layout',
]);
/** TorchScript's own wrappers around a list or dict; the first argument is the value. */
const WRAPPERS = new Set(['restore_type_tag', 'build_intlist', 'build_tensorlist', 'build_doublelist', 'build_boollist']);

type Rebuild = (args: unknown[]) => unknown;

/**
 * What a torch file's pickle may build: tensors on storages, dicts, lists, and a few names that are kept as names. Everything else is refused
 * by its name: reading a file never runs what it asks for.
 *
 * @param scripted whether classes of a TorchScript archive are read as plain attribute trees.
 */
export function torchBuilder(where: string, scripted: boolean): PickleBuilder {
  const refuse = (path: string): never =>
    fail(
      Error,
      where,
      'the file',
      'a state dict: tensors, dicts, lists and numbers only (for a whole model, save model.state_dict() instead)',
      `one that asks for ${path}, which is not run`,
    );
  const rebuilds: Record<string, Rebuild> = {
    'torch._utils._rebuild_tensor': ([storage, offset, shape, strides]) => tensor(where, storage, offset, shape, strides),
    'torch._utils._rebuild_tensor_v2': ([storage, offset, shape, strides]) => tensor(where, storage, offset, shape, strides),
    'torch._utils._rebuild_tensor_v3': ([storage, offset, shape, strides, , , dtype]) =>
      tensor(where, storage, offset, shape, strides, DTYPES[(dtype as PickleGlobal)?.name]),
    'torch._utils._rebuild_parameter': ([value]) => value,
    'torch._utils._rebuild_parameter_with_state': ([value]) => value,
  };
  return {
    find(global) {
      const { path, module, name } = global;
      const known =
        Object.hasOwn(rebuilds, path) ||
        DICTS.has(path) ||
        LISTS.has(path) ||
        OPAQUE.has(path) ||
        storageDtype(global) !== null ||
        (module === 'torch' && Object.hasOwn(DTYPES, name)) ||
        (scripted && (module.startsWith('__torch__') || (module === 'torch.jit._pickle' && WRAPPERS.has(name))));
      return known ? global : refuse(path);
    },
    construct(callable, args) {
      if (!(callable instanceof PickleGlobal)) return refuse(`a call of a ${typeof callable}`);
      const { path, module, name } = callable;
      if (Object.hasOwn(rebuilds, path)) return rebuilds[path](args);
      if (DICTS.has(path)) return pairs(where, args[0]);
      if (LISTS.has(path)) return Array.isArray(args[0]) ? args[0] : [];
      if (OPAQUE.has(path)) return new TorchOpaque(path);
      if (scripted && module === 'torch.jit._pickle') return args[0];
      if (scripted && module.startsWith('__torch__')) return new TorchObject(path);
      return refuse(`a call of ${name}`);
    },
    build(object, state) {
      if (object instanceof TorchObject) {
        if (!(state instanceof Map)) refuse(`attributes of ${object.className} that are no dict`);
        object.attributes = state as Map<unknown, unknown>;
      } else if (!(object instanceof Map || object instanceof TorchOpaque)) {
        refuse('attributes for something that has none'); // an OrderedDict's are its `_metadata`: not needed
      }
    },
    persistent(id) {
      const [kind, type, key, , length] = Array.isArray(id) ? id : [];
      if (kind !== 'storage' || !(type instanceof PickleGlobal) || typeof key !== 'string') return refuse(`what lies outside as ${String(kind)}`);
      const dtype = storageDtype(type);
      if (dtype === null || !Number.isSafeInteger(length) || (length as number) < 0) return refuse(`a storage of ${type.path}`);
      return { key, dtype, length } as TorchStorage;
    },
  };
}

/** undefined: a storage of bytes whose elements the tensor names; null: no storage that can be read. */
function storageDtype({ module, name }: PickleGlobal): ArrayDtype | undefined | null {
  if (!/^torch(\.(cuda|storage))?$/.test(module)) return null;
  if (name === 'UntypedStorage') return undefined;
  return Object.hasOwn(STORAGES, name) ? STORAGES[name] : null;
}

function pairs(where: string, given: unknown): Map<unknown, unknown> {
  if (given === undefined) return new Map();
  if (given instanceof Map) return new Map(given);
  const ok = Array.isArray(given) && given.every((pair) => Array.isArray(pair) && pair.length === 2);
  return ok ? new Map(given as [unknown, unknown][]) : fail(Error, where, 'a dict', 'made of pairs', typeof given);
}

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 16 && value.every((side) => Number.isSafeInteger(side) && side >= 0);

function tensor(where: string, storage: unknown, offset: unknown, shape: unknown, strides: unknown, given?: ArrayDtype): TorchTensor {
  const { dtype: stored, length, key } = (storage ?? {}) as TorchStorage;
  const dtype = given ?? stored;
  const whole = Number.isSafeInteger(offset) && (offset as number) >= 0 && isCounts(shape) && isCounts(strides) && shape.length === strides.length;
  if (key === undefined || dtype === undefined || !whole) {
    fail(Error, where, 'a tensor', 'a view on a storage with offset, sizes and strides', `${String(offset)}, [${shape}], [${strides}]`);
  }
  const [sides, steps] = [shape as number[], strides as number[]];
  const numbers = sizeOf(sides);
  const last = numbers === 0 ? 0 : sides.reduce((sum, side, axis) => sum + (side - 1) * steps[axis], offset as number) + 1;
  // `length` counts elements of the storage's own type; of an untyped one, bytes: the range is checked again when it is read.
  if (!(Number.isSafeInteger(last) && last <= length)) {
    fail(Error, where, 'a tensor', `within its storage of ${length} numbers`, `[${sides.join(', ')}] by [${steps.join(', ')}] from ${String(offset)}`);
  }
  if (!(numbers <= 64 * (length + 1024))) {
    fail(Error, where, 'a tensor', `of a size that its storage of ${length} numbers explains`, `[${sides.join(', ')}]`);
  }
  return new TorchTensor(storage as TorchStorage, dtype, sides, steps, offset as number);
}
