import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DinetSyncNet, dinetRecipe, saveSyncNetwork, Wav2LipSyncNet } from '@lipsync/syncnet';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { exportExpert } from './export-command';

let folder: string;
let output: CapturedOutput;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'lipsync-export-'));
  const expert = new Wav2LipSyncNet({ seed: 1, width: 0.125 });
  await writeFile(at('expert.safetensors'), await saveSyncNetwork(expert));
  expert.dispose();
  output = captureOutput();
});
afterEach(() => {
  output.clear();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('lipsync export writes two files and says their sizes, half with --dtype f16', async () => {
  const words = ['export', '--weights', at('expert.safetensors'), '--backend', 'cpu', '--json'];
  expect(await runLipsync([...words, at('sub/whole.onnx')])).toBe(0);
  const whole = JSON.parse(output.out);
  expect(whole).toMatchObject({
    expert: 'Wav2Lip',
    dtype: 'f32',
    files: [{ part: 'visual', path: at('sub/whole.visual.onnx') }, { part: 'audio' }],
  });
  expect((await readFile(whole.files[0].path)).length).toBe(whole.files[0].bytes);
  output.clear();
  expect(await runLipsync([...words, '--dtype', 'f16', at('half')])).toBe(0);
  const half = JSON.parse(output.out);
  const bytes = ({ files }: { files: { bytes: number }[] }) => files.reduce((sum, file) => sum + file.bytes, 0);
  expect(bytes(half) / bytes(whole)).toBeLessThan(0.55);
});

test('exportExpert writes a third file for a network that scores pairs, and overwrites no other export', async () => {
  const net = new DinetSyncNet({ seed: 1, channels: 8, recipe: dinetRecipe(64) });
  const { files } = await exportExpert(net, at('dinet'));
  expect(files.map(({ part }) => part)).toEqual(['visual', 'audio', 'pair']);
  await expect(exportExpert(net, at('dinet.onnx'))).rejects.toThrow(
    /OUT must be new \(or give --force\), got .*dinet.onnx: .*dinet.visual.onnx exists/,
  );
  await exportExpert(net, at('dinet'), { force: true });
  net.dispose();
});

test.each([
  [['export'], "missing required argument 'out'"],
  [['export', '--weights', 'a'], "missing required argument 'out'"],
  [
    ['score', '--backend', 'cpu', '--weights', 'nowhere.onnx', import.meta.filename], // a file that is there
    'lipsync score: --weights must be an exported pair',
  ],
])('lipsync answers %j with status 2 and the rule', async (words, message) => {
  expect(await runLipsync(words)).toBe(2);
  expect(output.err).toContain(message);
});
