import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCommand } from '../terminal/command';
import { checkInWords, readPerceptual, runTrainDinet, TRAIN_DINET } from './train-generator-command';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lipsync-train-dinet-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('train-dinet says which weights the perceptual loss needs, and what to say without them', async () => {
  await expect(
    runTrainDinet(parseCommand(TRAIN_DINET, ['clips', '--out', 'x', '--backend', 'wasm', '--threads', '1'])),
  ).rejects.toThrow(/--perceptual must be .*vgg19.*--perceptual none/);
  expect(await readPerceptual('none')).toBe('none');
});

test('train-dinet refuses perceptual weights of another network', async () => {
  const path = join(folder, 'other.safetensors');
  await writeFile(path, Buffer.from('not weights'));
  await expect(readPerceptual(path)).rejects.toThrow();
});

test('train-dinet wants one folder of clips and one for the run', async () => {
  await expect(runTrainDinet(parseCommand(TRAIN_DINET, ['--out', 'x']))).rejects.toThrow(/CLIPS must be one folder/);
  await expect(runTrainDinet(parseCommand(TRAIN_DINET, ['clips']))).rejects.toThrow(/--out must be a folder/);
});

test('checkInWords gives the ceiling beside the painted', () => {
  const cosine = { generated: 0.31, generatedOther: 0.12, real: 0.55, realOther: 0.1 };
  expect(checkInWords({ on: 'held-out', frameCount: 80, psnr: 24.123, cosine })).toBe(
    'PSNR of the mouth 24.12 dB (80 frames of held-out clips), cosine 0.310 painted, 0.550 true (ceiling), 0.120 with other audio',
  );
});
