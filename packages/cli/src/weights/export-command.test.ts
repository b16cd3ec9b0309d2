import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DinetSyncNet, dinetRecipe, saveSyncNetwork, Wav2LipSyncNet } from '@lipsync/syncnet';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runLipsync } from '../run-lipsync';
import { exportExpert } from './export-command';

let folder: string;
let [out, err] = ['', ''];
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'lipsync-export-'));
  const expert = new Wav2LipSyncNet({ seed: 1, width: 0.125 });
  await writeFile(at('expert.safetensors'), await saveSyncNetwork(expert));
  expert.dispose();
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += text), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += text), true));
});
afterEach(() => {
  out = err = '';
});
afterAll(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

test('lipsync export writes two files and says their sizes, half of them with --float16', async () => {
  const words = ['export', '--weights', at('expert.safetensors'), '--backend', 'cpu', '--json'];
  expect(await runLipsync([...words, at('sub/whole.onnx')])).toBe(0);
  const whole = JSON.parse(out);
  expect(whole).toMatchObject({
    expert: 'Wav2Lip',
    float16: false,
    files: [{ part: 'visual', path: at('sub/whole.visual.onnx') }, { part: 'audio' }],
  });
  expect((await readFile(whole.files[0].path)).length).toBe(whole.files[0].bytes);
  out = '';
  expect(await runLipsync([...words, '--float16', at('half')])).toBe(0);
  const half = JSON.parse(out);
  const bytes = ({ files }: { files: { bytes: number }[] }) => files.reduce((sum, file) => sum + file.bytes, 0);
  expect(bytes(half) / bytes(whole)).toBeLessThan(0.55);
});

test('exportExpert writes a third file for a network that judges pairs, and nothing over another export', async () => {
  const net = new DinetSyncNet({ seed: 1, channels: 8, recipe: dinetRecipe(64) });
  const { files } = await exportExpert(net, at('dinet'));
  expect(files.map(({ part }) => part)).toEqual(['visual', 'audio', 'pair']);
  await expect(exportExpert(net, at('dinet.onnx'))).rejects.toThrow(
    /OUT must be new \(or give --force\), got .*dinet.onnx: .*dinet.visual.onnx is there/,
  );
  await exportExpert(net, at('dinet'), { force: true });
  net.dispose();
});

test.each([
  [['export', 'out'], '--weights must be a weights file, got none'],
  [['export', '--weights', 'a'], 'OUT must be one path, got 0'],
  [['score', '--backend', 'cpu', '--weights', 'nowhere.onnx', 'a.mp4'], '--weights must be files of lipsync export'],
])('lipsync answers %j with status 2 and the rule', async (words, message) => {
  expect(await runLipsync(words)).toBe(2);
  expect(err).toContain(message);
});
