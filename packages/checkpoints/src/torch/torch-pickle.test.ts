import { describe, expect, test } from 'vitest';
import { type PickleBuilder, PickleGlobal } from './pickle';
import {
  spanOf,
  type TorchObject,
  TorchOpaque,
  type TorchStorage,
  type TorchTensor,
  torchBuilder,
} from './torch-pickle';

const named = (path: string) =>
  new PickleGlobal(path.slice(0, path.lastIndexOf('.')), path.slice(path.lastIndexOf('.') + 1));
const call = (builder: PickleBuilder, path: string, ...args: unknown[]) =>
  builder.construct(builder.find(named(path)), args);
const storage = (
  builder: PickleBuilder,
  type = 'torch.FloatStorage',
  key: unknown = '0',
  length = 12,
  piece: unknown = null,
) => builder.persistent(['storage', builder.find(named(type)), key, 'cpu', length, piece]) as TorchStorage;
const rebuild = 'torch._utils._rebuild_tensor_v2';

describe('torchBuilder', () => {
  test('rebuilds tensors, parameters and tensors with attributes on their storages', () => {
    const builder = torchBuilder('f', false);
    const on = storage(builder);
    const tensor = call(builder, rebuild, on, 2, [2, 3], [3, 1], false, null) as TorchTensor;
    expect(tensor).toMatchObject({ dtype: 'float32', shape: [2, 3], strides: [3, 1], offset: 2 });
    expect(call(builder, 'torch._utils._rebuild_parameter', tensor, true, null)).toBe(tensor);
    const inner = [on, 2, [2, 3], [3, 1], false, null];
    const noted = call(
      builder,
      'torch._tensor._rebuild_from_type_v2',
      builder.find(named(rebuild)),
      builder.find(named('torch.Tensor')),
      inner,
      null,
    );
    expect(noted).toEqual(tensor);
    expect(() =>
      call(builder, 'torch._tensor._rebuild_from_type_v2', builder.find(named('torch.Size')), null, [], null),
    ).toThrow('made by torch.Size, which is not run');
    expect([...builder.storages.keys()]).toEqual(['0']);
  });

  test.each([
    ['torch.DoubleStorage', 'float64'],
    ['torch.cuda.HalfStorage', 'float16'],
    ['torch.BFloat16Storage', 'bfloat16'],
    ['torch.LongStorage', 'int64'],
    ['torch.BoolStorage', 'bool'],
  ])('reads %s as %s', (type, dtype) => {
    expect(storage(torchBuilder('f', false), type).dtype).toBe(dtype);
  });

  test('takes the type of an untyped storage from the tensor', () => {
    const builder = torchBuilder('f', false);
    const bytes = storage(builder, 'torch.storage.UntypedStorage', '0', 16);
    const v3 = (dtype: string, shape: number[]) =>
      call(builder, 'torch._utils._rebuild_tensor_v3', bytes, 0, shape, [1], false, null, builder.find(named(dtype)));
    expect(v3('torch.uint16', [8])).toMatchObject({ dtype: 'uint16' });
    expect(() => v3('torch.uint16', [9])).toThrow('within its storage of 8 elements');
    expect(() => v3('torch.float64', [3])).toThrow('within its storage of 2 elements');
    expect(() => call(builder, rebuild, bytes, 0, [1], [1])).toThrow('a view of a storage of a supported type');
  });

  test('reads views of storages as files of 2017 describe them', () => {
    const builder = torchBuilder('f', false);
    const view = storage(builder, 'torch.FloatStorage', '0', 12, ['7', 4, 6]);
    expect(call(builder, 'torch._utils._rebuild_tensor', view, 1, [5], [1])).toMatchObject({ offset: 5 });
    expect(() => call(builder, 'torch._utils._rebuild_tensor', view, 2, [5], [1])).toThrow(
      'within its storage of 6 elements',
    );
    expect(() => storage(builder, 'torch.FloatStorage', '0', 12, ['7', 8, 6])).toThrow(
      'a view of storage 0 must be within its 12 elements, got 6 from 8',
    );
  });

  test('refuses a storage with two sizes or types', () => {
    const builder = torchBuilder('f', false);
    storage(builder);
    expect(() => storage(builder, 'torch.FloatStorage', '0', 13)).toThrow(
      'f: storage 0 must be of 12 times float32 at each use, got 13 times float32',
    );
    expect(() => storage(builder, 'torch.LongStorage', '0', 12)).toThrow('12 times int64');
  });

  test.each<[string, unknown[]]>([
    ['no storage', [null, 0, [1], [1]]],
    ['half an offset', ['storage', 0.5, [1], [1]]],
    ['negative sizes', ['storage', 0, [-1], [1]]],
    ['negative strides', ['storage', 3, [2], [-1]]],
    ['fewer strides', ['storage', 0, [2, 2], [1]]],
    ['33 axes', ['storage', 0, new Array(33).fill(1), new Array(33).fill(1)]],
    ['sizes beyond counting', ['storage', 0, new Array(30).fill(2 ** 50), new Array(30).fill(0)]],
    ['strides beyond counting', ['storage', 0, [2, 2], [2 ** 53 - 1, 2 ** 53 - 1]]],
    ['an end beyond the storage', ['storage', 10, [3], [1]]],
    ['a million repetitions and one more', ['storage', 0, [2 ** 20 + 1], [0]]],
  ])('refuses a tensor with %s', (_, [on, ...rest]) => {
    const builder = torchBuilder('f', false);
    expect(() => call(builder, rebuild, on === 'storage' ? storage(builder) : on, ...rest)).toThrow(
      /^f: a tensor must be /,
    );
  });

  test('the offset of an empty tensor is ignored', () => {
    const builder = torchBuilder('f', false);
    expect(call(builder, rebuild, storage(builder), 12, [0, 3], [3, 1])).toMatchObject({ offset: 0, shape: [0, 3] });
  });

  test('builds plain data from harmless names', () => {
    const builder = torchBuilder('f', false);
    expect(call(builder, 'collections.OrderedDict', [['a', 1]])).toEqual(new Map([['a', 1]]));
    expect(call(builder, 'collections.defaultdict', builder.find(named('builtins.dict')))).toEqual(new Map());
    expect(call(builder, '__builtin__.set', [1, 2])).toEqual([1, 2]);
    expect(call(builder, 'torch.device', 'cpu')).toEqual(new TorchOpaque('torch.device'));
    const bytes = call(builder, '_codecs.encode', '\0\0\0\0\0\0\x04\xc0', 'latin1');
    expect(call(builder, 'numpy.core.multiarray.scalar', call(builder, 'numpy.dtype', 'f8', false, true), bytes)).toBe(
      -2.5,
    );
    expect(
      call(builder, 'numpy.core.multiarray.scalar', call(builder, 'numpy.dtype', 'V8', false, true), bytes),
    ).toBeInstanceOf(TorchOpaque);
    expect(() => call(builder, 'collections.OrderedDict', [['a']])).toThrow('f: a dict must be made of pairs');
  });

  test.each([
    'os.system',
    'builtins.eval',
    '__builtin__.getattr',
    'torch.load',
    'torch.hub.load',
    'torch.nn.modules.conv.Conv2d',
    'collections.namedtuple',
    'torch.ComplexFloatStorage',
    '__torch__.Net',
    'torch.constructor',
    'builtins.__proto__',
  ])('refuses %s by that name', (path) => {
    expect(() => torchBuilder('f', false).find(named(path))).toThrow(
      `f: the file must be a state dict of tensors, dicts, lists and numbers (of a whole model, save model.state_dict() instead), got one that asks for ${path}, which is not run`,
    );
  });

  test('reads classes of a TorchScript archive as attributes, and refuses other classes', () => {
    const builder = torchBuilder('f', true);
    const object = call(builder, '__torch__.torch.nn.Linear') as TorchObject;
    builder.build(object, new Map([['weight', 1]]));
    expect(object.attributes.get('weight')).toBe(1);
    expect(() => builder.build(object, [1])).toThrow('attributes of __torch__.torch.nn.Linear that are no dict');
    expect(call(builder, 'torch.jit._pickle.build_intlist', [1, 2])).toEqual([1, 2]);
    expect(() => builder.find(named('__torch__x.y'))).toThrow('asks for __torch__x.y');
    expect(() => builder.find(named('torch.jit._pickle.restore'))).toThrow('which is not run');
  });

  test('refuses external values other than storages', () => {
    const builder = torchBuilder('f', false);
    expect(() => builder.persistent(['module', 'Net', 'net.py', 'code'])).toThrow('an external value of kind module');
    expect(() => builder.persistent('0')).toThrow('an external value of kind string');
    expect(() => storage(builder, 'torch.FloatStorage', ['0'])).toThrow('an external value of kind storage');
    expect(() => storage(builder, 'torch.FloatStorage', '0', -1)).toThrow('a storage of type torch.FloatStorage');
  });
});

test('spanOf counts the elements from the first of a view to its last', () => {
  expect(spanOf([2, 3], [3, 1])).toBe(6);
  expect(spanOf([3, 5], [0, 0])).toBe(1);
  expect(spanOf([4], [6])).toBe(19);
  expect(spanOf([], [])).toBe(1);
  expect(spanOf([0, 3], [3, 1])).toBe(0);
});
