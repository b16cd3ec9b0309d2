import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVAlignNet, LITE, saveAVAlignNet } from '@lipsync/avalignnet';
import { PREPARATIONS } from '@lipsync/dataloader';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { captureOutput } from '../testing/capture-output';
import { preparationOf, readShard } from './prepare-command';

test('preparationOf is the preset, with the given values instead of its own', () => {
  expect(preparationOf({ preset: 'latentsync' })).toEqual(PREPARATIONS.latentsync);
  const given = preparationOf({ preset: 'general', offset: 'none', segment: 2, minFace: 80, maxOffset: 0 });
  expect(given).toEqual({
    ...PREPARATIONS.general,
    ...{ offset: 'none', segmentSec: 2, minSegmentSec: 2, maxOffset: 0 },
    gates: { ...PREPARATIONS.general.gates, minFaceSize: 80 },
  });
});

test('readShard reads a part and the number of parts', () => {
  expect(readShard(undefined)).toBeUndefined();
  expect(readShard('2/8')).toEqual({ index: 2, count: 8 });
  for (const wrong of ['8/8', '1', '-1/2', 'a/b', '0/0'])
    expect(() => readShard(wrong)).toThrow('--shard must be i/n with i from 0 to n - 1');
});

test.each<[object, string | undefined, number | undefined]>([
  [{}, 'verdict', 0.8],
  [{ keepConfidence: 0.7 }, 'verdict', 0.7],
  [{ offsetRule: 'lse-c' }, undefined, undefined],
  [{ correctionConfidence: 0 }, undefined, undefined],
  [{ minConfidence: 3 }, undefined, undefined],
  [{ minConfidence: 3, offsetRule: 'verdict' }, 'verdict', 0.8],
  [{ preset: 'latentsync' }, undefined, undefined],
])('with %o offsets count by %s', (options, offsetRule, keepConfidence) => {
  expect(preparationOf({ preset: 'general', ...options })).toEqual(
    expect.objectContaining({ offsetRule, keepConfidence }),
  );
});

test('a bar for the verdict beside the rule of LSE-C is a usage error', () => {
  expect(() => preparationOf({ preset: 'latentsync', keepConfidence: 0.5 })).toThrow(
    '--keep-confidence must stand with --offset-rule verdict, got 0.5',
  );
  expect(() => preparationOf({ preset: 'latentsync', moveConfidence: 0.9 })).toThrow(
    '--move-confidence must stand with --offset-rule verdict, got 0.9',
  );
});

test('prepare names the option that an expert without a recipe needs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lipsync-prepare-'));
  const output = captureOutput();
  await tf.setBackend('cpu');
  try {
    const net = new AVAlignNet(LITE, { seed: 1 });
    const expert = join(folder, 'bare.safetensors');
    await writeFile(expert, await saveAVAlignNet(net));
    net.dispose();
    await writeFile(join(folder, 'talk.mp4'), '');
    const words = ['prepare', folder, join(folder, 'clips'), '--expert', expert, '--jobs', '1'];
    expect(await runLipsync(words)).toBe(2);
    expect(output.err).toContain(
      `lipsync prepare: --expert-recipe must be given for ${expert}, whose metadata has none`,
    );
  } finally {
    output.restore();
    await rm(folder, { recursive: true });
  }
});
