import { createHash } from 'node:crypto';
import { selectBackend } from '@lipsync/backends';
import { decodeSafetensors, encodeSafetensors, readStateDict } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { DINET, type DinetConfig, LITE_DINET, THESIS_DINET } from '../network/config';
import { DinetDiscriminator } from '../network/discriminator';
import { DinetGenerator } from '../network/generator';
import { fillMade, made } from '../testing/torch-numbers';
import { dinetMetadata, loadDinet, saveDinet } from './weights';

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

const LITTLE: DinetConfig = { ...LITE_DINET, width: 2, referenceChannels: 6, references: 1 };
/** The config of `save` in reference/dinet.py. */
const SAVED: DinetConfig = { ...DINET, width: 2, referenceChannels: 8, references: 2 };

/** A file of torch.save in the layout of DINet's training. */
const torchFile = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url).pathname;

async function bytesOf(config: DinetConfig, metadata: 'with' | 'without'): Promise<Uint8Array> {
  const net = new DinetGenerator(config, { seed: 3 });
  const bytes = encodeSafetensors(await net.stateDict(), metadata === 'with' ? dinetMetadata(net) : {});
  net.dispose();
  return bytes;
}

describe('saveDinet and loadDinet', () => {
  test('give back the same generator: config, weights, hash and generated faces', async () => {
    const net = new DinetGenerator(LITTLE, { seed: 5 }).eval() as DinetGenerator;
    const bytes = await saveDinet(net, { trained: 'on nothing', dinet: 'not this' });
    expect(decodeSafetensors(bytes).metadata).toEqual({ ...dinetMetadata(net), trained: 'on nothing' });
    const before = tf.memory().numTensors;
    const loaded = await loadDinet(bytes);
    expect(loaded.config).toEqual(LITTLE);
    expect(loaded.training).toBe(false);
    expect(loaded.weightsHash).toBe(createHash('sha256').update(bytes).digest('hex'));
    const inputs = [
      made<tf.Tensor4D>('m', [1, 72, 72, 3], 0, 1),
      made<tf.Tensor4D>('r', [1, 72, 72, 3], 0, 1),
      made<tf.Tensor3D>('a', [1, 80, 16], -4, 4),
    ] as const;
    const [a, b] = [net.forward(...inputs), loaded.forward(...inputs)];
    expect([...b.dataSync()]).toEqual([...a.dataSync()]);
    loaded.dispose();
    tf.dispose([a, b, inputs as unknown as tf.Tensor[]]);
    expect(tf.memory().numTensors).toBe(before);
    net.dispose();
  });

  test('keep the face images that it was trained with', async () => {
    const net = new DinetGenerator(LITTLE, { seed: 5 });
    expect(net.recipe).toEqual({
      ...{ crops: ['dinet head'], hidden: 'mouth box', laid: 'hidden part', references: 1 },
      audio: LITTLE.audio,
    });
    expect((await loadDinet(await saveDinet(net))).crop).toBeUndefined();
    net.crop = { kind: 'dinet head', mouth: 64 };
    expect((await loadDinet(await saveDinet(net))).crop).toEqual({ kind: 'dinet head', mouth: 64 });
    net.dispose();
  });

  test('refuse a config that contradicts the file', async () => {
    const bytes = await bytesOf(LITTLE, 'with');
    (await loadDinet(bytes, { config: { ...LITTLE } })).dispose();
    const other: DinetConfig = { ...LITTLE, width: 4, audio: { kind: 'mel', bins: 80, steps: 20 } };
    await expect(loadDinet(bytes, { config: other })).rejects.toThrow(
      "loadDinet: options.config must be the file's, got another width, audio.steps",
    );
  });
});

describe('loadDinet of PyTorch files', () => {
  test.each(['published.pth', 'published-legacy.pth'])(
    'loads %s, as DINet’s training saves it, by its shapes alone',
    async (name) => {
      const net = await loadDinet(torchFile(name));
      expect(net.config).toEqual(SAVED);
      const state = await net.stateDict();
      const wanted = formulaStateDict([...state].map(([key, { shape }]) => [key, shape] as const));
      for (const [key, { data }] of state) expect([...data]).toEqual([...wanted.get(key)!.data]);
      net.dispose();
    },
  );

  test('leaves the discriminators to readStateDict, which reads them by their dict', async () => {
    for (const [prefix, frameCount] of [
      ['state_dict.net_dI', 1],
      ['state_dict.net_dV', 5],
    ] as const) {
      const discriminator = new DinetDiscriminator({ frameCount, width: 2, seed: 0 });
      const { state } = await readStateDict(torchFile('published.pth'), { prefix });
      discriminator.loadStateDict(state);
      const loaded = await discriminator.stateDict();
      const wanted = await fillMade(discriminator);
      for (const [key, { data }] of loaded) expect([...data]).toEqual([...wanted.get(key)!.data]);
      discriminator.dispose();
    }
  });

  test.each<[string, DinetConfig]>([
    ['the published norms', { ...DINET, width: 2, referenceChannels: 4, references: 3 }],
    ['LayerNorm over time', { ...DINET, width: 2, referenceChannels: 4, audioNorm: 'layer' }],
    ['an alignment that ends without a norm', { ...DINET, width: 2, referenceChannels: 4, alignmentEnd: 'plain' }],
  ])('deduces %s from the shapes', async (_, config) => {
    const net = await loadDinet(await bytesOf(config, 'without'));
    expect(net.config).toEqual(config);
    net.dispose();
  });

  test('asks for the config where the shapes do not imply it', async () => {
    const bytes = await bytesOf(LITTLE, 'without');
    await expect(loadDinet(bytes)).rejects.toThrow(
      'options.config must be given for a file without dinet metadata whose shapes do not imply it, got none, for one with a mel front end',
    );
    (await loadDinet(bytes, { config: LITTLE })).dispose();
    const silent: DinetConfig = { ...THESIS_DINET, width: 2, audioNorm: 'none' };
    await expect(loadDinet(await bytesOf(silent, 'without'))).rejects.toThrow(
      'one with no parameters of a norm over time',
    );
    // AdaAT's sampling is unknown where the norms are not as published.
    await expect(loadDinet(await bytesOf({ ...THESIS_DINET, width: 2 }, 'without'))).rejects.toThrow(
      'one with no parameters of a norm',
    );
  });
});

describe('loadDinet refuses', () => {
  test('a file of another network, by its name', async () => {
    const discriminator = new DinetDiscriminator({ frameCount: 1, width: 2, seed: 0 });
    const bytes = encodeSafetensors(await discriminator.stateDict());
    discriminator.dispose();
    await expect(loadDinet(bytes)).rejects.toThrow(
      "loadDinet: the file must be one with the parameters of DINet's generator, got those of a discriminator of DINet",
    );
  });

  test('a file of something else, by its first names', async () => {
    const bytes = encodeSafetensors(
      new Map([['a.weight', { dtype: 'float32', shape: [1], data: new Float32Array(1) }]]),
    );
    await expect(loadDinet(bytes)).rejects.toThrow('got 1 names, a.weight');
  });

  test('missing and unused names, all of them in one error, and leaves no tensor', async () => {
    const { tensors, metadata } = decodeSafetensors(await bytesOf(LITTLE, 'with'));
    tensors.delete('adaAT.scale.0.bias');
    tensors.set('more', { dtype: 'float32', shape: [1], data: new Float32Array(1) });
    const before = tf.memory().numTensors;
    await expect(loadDinet(encodeSafetensors(tensors, metadata))).rejects.toThrow(
      '1 missing: adaAT.scale.0.bias; 1 unused: more',
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([
    ['{', "loadDinet: the file's dinet metadata must be JSON, got {"],
    ['{"width":2}', 'loadDinet: config.referenceChannels must be a whole number above 0'],
  ])('metadata %s', async (text, message) => {
    const { tensors } = decodeSafetensors(await bytesOf(LITTLE, 'with'));
    await expect(loadDinet(encodeSafetensors(tensors, { dinet: text }))).rejects.toThrow(message);
  });
});
