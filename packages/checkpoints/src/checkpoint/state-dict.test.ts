import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { NamedArray } from '../arrays/named-array';
import { openCheckpoint } from './open-checkpoint';
import { readStateDict, stateDictNames } from './state-dict';

const fixture = (name: string) => new URL(`../../fixtures/torch/${name}`, import.meta.url);

describe('stateDictNames', () => {
  /** A checkpoint with these tensors; the slash ends the name of the dict. */
  const made = (...paths: string[]) => {
    const name = (path: string) => path.replace('/', '.').replace(/^\./, '');
    const dicts = [...new Set(paths.map((path) => path.split('/')[0]))];
    return {
      name: 'file',
      tensors: new Map(paths.map((path) => [name(path), { dtype: 'float32' as const, shape: [] }])),
      dicts,
    };
  };

  test('finds the state dict in its container and takes module. away', async () => {
    const file = await openCheckpoint(fixture('nested.zip.pth'));
    const names = stateDictNames(file);
    expect(names.get('0.weight')).toBe('state_dict.module.0.weight');
    expect(names.size).toBe(9);
    await file.close();
  });

  test('lists the state dicts where there are several, and takes the one named by prefix', async () => {
    const file = await openCheckpoint(fixture('several.zip.pth'));
    expect(() => stateDictNames(file)).toThrow(
      'stateDictNames: prefix must be one of state_dict.net_g, state_dict.net_dI, as',
    );
    expect([...stateDictNames(file, 'state_dict.net_g')]).toEqual([['a', 'state_dict.net_g.a']]);
    expect([...stateDictNames(file, '').keys()]).toEqual(['state_dict.net_g.a', 'state_dict.net_dI.b']);
    expect(() => stateDictNames(file, 'generator')).toThrow('prefix must be in front of a tensor');
    await file.close();
  });

  test.each([
    [
      'the top, where names begin like those of a container',
      made('/net.slice1.0.weight', '/lin0.model.1.weight'),
      'net.slice1.0.weight',
    ],
    ['the only dict, whatever its name', made('weights/a', 'optimizer.state.0/exp_avg'), 'a'],
    ['a container rather than tensors beside it', made('/mean', 'model/a'), 'a'],
    ['the top where the dicts beside it hold no network', made('/a', 'lr_scheduler/b', 'notes/c'), 'a'],
    ['everything of an archive without dicts', made('/module.a', '/module.b'), 'a'],
  ])('takes %s', (_, checkpoint, first) => {
    expect([...stateDictNames(checkpoint).keys()][0]).toBe(first);
  });

  test.each([
    ['model_state_dict', 'ema_state_dict'],
    ['state_dict', 'ema'],
    ['state_dict', 'state_dict_ema'],
    ['model', 'model_ema'],
    ['params', 'params_ema'],
    ['net', 'swa_model'],
  ])('asks whether %s or its moving average %s is meant, and takes the one that is named', (weights, average) => {
    const file = made(`${weights}/a`, `${average}/a`, 'optimizer/x');
    expect(() => stateDictNames(file)).toThrow(`prefix must be one of ${weights}, ${average}, as file has several`);
    expect([...stateDictNames(file, average)]).toEqual([['a', `${average}.a`]]);
  });

  /** A discriminator of DINet, its names changed. */
  const known = (rename: (name: string) => string, more: string[] = []) => ({
    name: 'file',
    tensors: new Map([
      [rename('down_blocks.0.conv.weight'), { dtype: 'float32' as const, shape: [32, 3, 4, 4] }],
      [rename('conv.weight'), { dtype: 'float32' as const, shape: [1, 32, 1, 1] }],
      ...more.map((name): [string, { dtype: 'float32'; shape: number[] }] => [name, { dtype: 'float32', shape: [1] }]),
    ]),
    dicts: [''],
  });
  const plain = ['down_blocks.0.conv.weight', 'conv.weight'];

  test.each([
    ['data-parallel training', known((name) => `module.${name}`)],
    ['torch.compile', known((name) => `_orig_mod.${name}`)],
    ['both', known((name) => `module._orig_mod.${name}`)],
    ['both, the other way round', known((name) => `_orig_mod.module.${name}`)],
    ['torch.compile of one part', known((name) => name.replace('down_blocks.', 'down_blocks._orig_mod.'))],
    ['FSDP', known((name) => `_fsdp_wrapped_module.${name}`)],
    ['Lightning', known((name) => `model.${name}`)],
    ['Lightning with torch.compile', known((name) => `model._orig_mod.${name}`)],
    ['a trainer of somebody', known((name) => `trainer.net.${name}`)],
    ['an averaged model of PyTorch', known((name) => `module.${name}`, ['n_averaged'])],
  ])('takes away what %s puts around the names', (_, file) => {
    expect([...stateDictNames(file).keys()]).toEqual(plain);
  });

  test('leaves a part that all names share where the network is unknown, or is known with it', () => {
    expect([...stateDictNames(made('/model.a', '/model.b')).keys()]).toEqual(['model.a', 'model.b']);
    const lpips = {
      name: 'file',
      tensors: new Map([
        ['lin.lin1.model.1.weight', { dtype: 'float32' as const, shape: [1, 192, 1, 1] }],
        ['lin.lin4.model.1.weight', { dtype: 'float32' as const, shape: [1, 256, 1, 1] }],
      ]),
      dicts: [''],
    };
    expect([...stateDictNames(lpips).keys()]).toEqual(['lin1.model.1.weight', 'lin4.model.1.weight']);
    expect([...stateDictNames(known((name) => name, ['other.x'])).keys()]).toEqual([...plain, 'other.x']);
    expect([...stateDictNames(made('/a._orig_mod.x', '/a.x')).keys()]).toEqual(['a._orig_mod.x', 'a.x']);
  });

  test('refuses to choose between dicts that are alike', () => {
    expect(() => stateDictNames(made('encoder/a', 'decoder/b'))).toThrow(
      'one of encoder, decoder, as file has several',
    );
    expect(() => stateDictNames(made('net_g/a', 'net_d/b'))).toThrow('one of net_g, net_d, as file has several');
    expect(stateDictNames(made()).size).toBe(0);
  });
});

describe('readStateDict', () => {
  test('gives the state dict that a module loads, with floats as float32', async () => {
    const { state, format } = await readStateDict(fixture('python2.legacy.pth'));
    expect(format).toBe('torch-legacy');
    expect(state.get('netcnnaud.1.running_mean')).toEqual({
      dtype: 'float32',
      shape: [2],
      data: Float32Array.of(0.1, -3),
    });
    expect((await readStateDict(fixture('nested.zip.pth'))).state.get('1.num_batches_tracked')?.dtype).toBe('int64');
    expect((await readStateDict(fixture('dtypes.zip.pth'), { widen: false })).state.get('bf16')?.dtype).toBe(
      'bfloat16',
    );
    await expect(readStateDict(fixture('dtypes.zip.pth'))).rejects.toThrow(
      'readStateDict: f64 must be of numbers that float32 can hold, got -2.5e+300',
    );
  });
});

const shared = process.env.LIPSYNC_SHARED ?? new URL('../../../../../shared', import.meta.url).pathname;
const published = ['alex', 'vgg', 'squeeze'].map((name) => `${shared}/weights/lpips/${name}.pth`);
const there = published.every((path) => statSync(path, { throwIfNoEntry: false }));
test.skipIf(!there)(
  `reads the published linear layers of LPIPS${there ? '' : ' (skipped: no shared/weights/lpips)'}`,
  async () => {
    const channels = {
      alex: [64, 192, 384, 256, 256],
      vgg: [64, 128, 256, 512, 512],
      squeeze: [64, 128, 256, 384, 384, 512, 512],
    };
    for (const [name, counts] of Object.entries(channels)) {
      const { state } = await readStateDict(`${shared}/weights/lpips/${name}.pth`);
      expect([...state.keys()].sort()).toEqual(counts.map((_, k) => `lin${k}.model.1.weight`));
      counts.forEach((count, k) => {
        const { shape, data } = state.get(`lin${k}.model.1.weight`) as NamedArray;
        expect(shape).toEqual([1, count, 1, 1]);
        expect(Math.min(...(data as Float32Array))).toBeGreaterThanOrEqual(0);
      });
    }
  },
);
