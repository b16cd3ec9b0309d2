import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectBackend } from '@lipsync/backends';
import { type NamedArray, readStateDict } from '@lipsync/checkpoints';
import type { Module } from '@lipsync/nn';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { formulaStateDict } from '../../../../tests/support/formula-weights';
import { formulaClips, relativeDifference } from '../testing/formula-images';
import { I3D } from './i3d';
import { InceptionFid } from './inception-fid';

/**
 * Made by `reference/metrics-inception.py --files FOLDER` and `reference/metrics-i3d.py --files FOLDER`; 340 MB, so not
 * in the repository.
 */
const folder = process.env.LIPSYNC_METRICS_FILES ?? '';
const reason =
  existsSync(join(folder, 'i3d-script.pt')) && folder
    ? ''
    : ' (skipped: LIPSYNC_METRICS_FILES names no folder of them)';

type Network = Module & { loadStateDict(state: Map<string, NamedArray>): void };

describe.skipIf(reason)(`networks load from files of torch${reason}`, () => {
  beforeAll(async () => {
    await selectBackend({ backend: 'wasm' });
  });

  test.each<[string, string, () => Network]>([
    ['inception.pth', 'torch-zip', () => new InceptionFid()],
    ['inception-legacy.pth', 'torch-legacy', () => new InceptionFid()],
    ['i3d.pth', 'torch-zip', () => new I3D()],
    ['i3d-legacy.pth', 'torch-legacy', () => new I3D()],
    ['i3d-script.pt', 'torchscript', () => new I3D()],
  ])('%s by name, every number', async (file, format, make) => {
    const network = make();
    const read = await readStateDict(join(folder, file));
    expect(read.format).toBe(format);
    network.loadStateDict(read.state);
    const { shapes } = JSON.parse(
      readFileSync(new URL(`../../fixtures/${file.replace(/[-.].*/, '')}.json`, import.meta.url), 'utf8'),
    );
    const wanted = formulaStateDict(Object.entries<number[]>(shapes));
    for (const [name, { data }] of await network.stateDict()) {
      const made = wanted.get(name)!.data;
      expect(data.length, name).toBe(made.length);
      expect(
        data.findIndex((value, i) => value !== made[i]),
        name,
      ).toBe(-1);
    }
    network.dispose();
  });

  test('a clip of full size has the logits of PyTorch', async () => {
    const network = new I3D();
    network.loadStateDict((await readStateDict(join(folder, 'i3d-script.pt'))).state);
    const clips = formulaClips('full', 1, 16, 224, 224);
    const x = tf.sub<tf.Tensor5D>(tf.mul(clips, 2), 1);
    const logits = network.forward(x);
    const wanted = JSON.parse(readFileSync(join(folder, 'i3d-full.json'), 'utf8')) as number[];
    expect(relativeDifference(logits.dataSync(), wanted)).toBeLessThan(1e-5); // measured 8e-7
    tf.dispose([clips, x, logits]);
    network.dispose();
  });
});
