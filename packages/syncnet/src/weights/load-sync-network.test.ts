import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import '@tensorflow/tfjs-backend-cpu';
import { encodeSafetensors, type NamedArray } from '@lipsync/checkpoints';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { DinetSyncNet, dinetRecipe } from '../network/dinet-syncnet';
import { SYNCNET_RECIPE, SyncNet } from '../network/syncnet';
import { LatentSyncWav2LipSyncNet, Wav2LipSyncNet } from '../network/wav2lip-syncnet';
import { loadSyncNetwork, saveSyncNetwork, syncNetworkOf } from './load-sync-network';

beforeAll(() => tf.setBackend('cpu'));

const SMALL = {
  syncnet: () => new SyncNet({ seed: 3, width: 0.03125 }),
  wav2lip: () => new Wav2LipSyncNet({ seed: 3, width: 0.03125 }),
  latentsync: () => new LatentSyncWav2LipSyncNet({ seed: 3, width: 0.03125 }),
  dinet: () => new DinetSyncNet({ seed: 3, channels: 8, recipe: dinetRecipe(64) }),
} as const;

describe.each(Object.keys(SMALL) as (keyof typeof SMALL)[])('%s', (name) => {
  test('comes back from its file as it was, hash, recipe, calibration and width included', async () => {
    const net = SMALL[name]();
    const calibration = { source: 'made', halfAt: [[16, 7] as [number, number]], slope: 1, farPenalty: 0.5 };
    net.calibration = calibration;
    const bytes = await saveSyncNetwork(net);
    const again = await loadSyncNetwork(bytes);
    expect(again.calibration).toEqual(calibration);
    expect(again.constructor).toBe(net.constructor);
    expect(again.recipe).toEqual(net.recipe);
    expect(again.training).toBe(false);
    expect(again.weightsHash).toMatch(/^[0-9a-f]{64}$/);
    const [before, after] = [encodeSafetensors(await net.stateDict()), encodeSafetensors(await again.stateDict())];
    expect(Buffer.compare(before, after)).toBe(0);
    expect(syncNetworkOf((await net.stateDict()).keys())).toBe(name);
    net.dispose();
    again.dispose();
  });
});

test('loadSyncNetwork takes files of 2017, which count no batches, and refuses recipes that contradict', async () => {
  const net = SMALL.syncnet();
  const state = new Map([...(await net.stateDict())].filter(([name]) => !name.endsWith('num_batches_tracked')));
  const old = await loadSyncNetwork(encodeSafetensors(state));
  expect((await old.stateDict()).size).toBe(state.size + 14);
  const bytes = await saveSyncNetwork(net);
  await expect(loadSyncNetwork(bytes, { recipe: { ...SYNCNET_RECIPE, color: 'RGB' } })).rejects.toThrow(
    `options.recipe must be the file's (color "BGR"), got color "RGB"`,
  );
  net.dispose();
  old.dispose();
});

test('loadSyncNetwork says what is missing, and what a file of another network begins with', async () => {
  const net = SMALL.wav2lip();
  const state = await net.stateDict();
  state.delete('face_encoder.3.conv_block.0.weight');
  state.set('extra', state.get('face_encoder.0.conv_block.0.bias') as NamedArray);
  const before = tf.memory().numTensors;
  await expect(loadSyncNetwork(encodeSafetensors(state))).rejects.toThrow(
    '1 missing: face_encoder.3.conv_block.0.weight; 1 unused: extra',
  );
  expect(tf.memory().numTensors).toBe(before);
  const tensor: NamedArray = { dtype: 'float32', shape: [1], data: new Float32Array(1) };
  await expect(loadSyncNetwork(encodeSafetensors(new Map([['a.b', tensor]])))).rejects.toThrow(
    'the state dict of syncnet, wav2lip, latentsync, dinet, got one with a.b',
  );
  const lpips: NamedArray = { dtype: 'float32', shape: [1, 192, 1, 1], data: new Float32Array(192) };
  const last: NamedArray = { dtype: 'float32', shape: [1, 256, 1, 1], data: new Float32Array(256) };
  const layers = new Map([
    ['lin1.model.1.weight', lpips],
    ['lin4.model.1.weight', last],
  ]);
  await expect(loadSyncNetwork(encodeSafetensors(layers))).rejects.toThrow(
    'got that of LPIPS’s linear layers for AlexNet',
  );
  net.dispose();
});

const python = '/usr/bin/python3';
const can =
  existsSync(python) &&
  (() => {
    try {
      execFileSync(python, ['-c', 'import torch, numpy'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  })();
// Names and formats do not depend on the width: the large ones are written narrow.
test.skipIf(!can).each([
  ['syncnet', []],
  ['wav2lip', ['0.125']],
  ['latentsync', ['0.125']],
  ['dinet', []],
])(
  `%s saved by torch.save, zip and legacy, loads by name${can ? '' : ' (skipped: no PyTorch)'}`,
  async (name, width) => {
    const folder = mkdtempSync(`${tmpdir()}/lipsync-networks-`);
    try {
      const script = new URL('../../../../reference/syncnet-networks.py', import.meta.url).pathname;
      execFileSync(python, [script, '--only-save', name, folder, ...width]);
      for (const file of [`${name}.pth`, `${name}.legacy.pth`]) {
        const net = await loadSyncNetwork(`${folder}/${file}`);
        const state = await net.stateDict();
        const made = formulaStateDict([...state].map(([key, { shape }]) => [key, shape]));
        for (const [key, { data }] of state) {
          if (/^netfc.*\.3\./.test(key)) continue; // a thousandth as large, see the script
          const wanted = (made.get(key) as NamedArray).data;
          let apart = data.length === wanted.length ? 0 : 1;
          for (let i = 0; i < data.length; i++) if (data[i] !== wanted[i]) apart++;
          expect(apart, `${file} ${key}`).toBe(0);
        }
        net.dispose();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  120_000,
);
