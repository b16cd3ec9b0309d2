import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { describeCheck, readPerceptual } from './train-generator-command';

let folder: string;
let output: CapturedOutput;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lipsync-train-generator-'));
  output = captureOutput();
});
afterEach(() => {
  output.clear();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true, force: true });
});

const backend = ['--backend', 'wasm', '--threads', '1'];

test.each([
  [['clips', '--out', 'x', ...backend], /--perceptual must be .*vgg19.*--perceptual none/],
  [
    ['clips', '--out', 'x', '--generator', 'lipgan', '--perceptual', 'vgg19'],
    /--perceptual must be left out with --generator lipgan/,
  ],
  [['clips', '--out', 'x', '--generator', 'pix2pix'], /--generator.*dinet, wav2lip, lipgan/],
  [['--out', 'x'], /missing required argument 'clips'/],
  [['clips'], /required option '--out <dir>' not specified/],
])('lipsync train generator %j is a usage error', async (words, message) => {
  expect(await runLipsync(['train', 'generator', ...words])).toBe(2);
  expect(output.err).toMatch(message);
});

test('readPerceptual takes none, and refuses a file that holds no weights', async () => {
  expect(await readPerceptual('none')).toBe('none');
  const path = join(folder, 'other.safetensors');
  await writeFile(path, Buffer.from('not weights'));
  expect(await runLipsync(['train', 'generator', folder, '--out', join(folder, 'run'), '--perceptual', path])).toBe(2);
  expect(output.err).toContain('--perceptual must be a torch, safetensors, npy or npz file');
});

test('describeCheck gives the upper bound beside the result', () => {
  const cosine = { generated: 0.31, generatedOther: 0.12, real: 0.55, realOther: 0.1 };
  expect(describeCheck({ on: 'held-out', frameCount: 80, psnr: 24.123, cosine })).toBe(
    'PSNR of the mouth 24.12 dB (80 frames of held-out clips), cosine 0.310 generated, 0.550 real (upper bound), 0.120 with other audio',
  );
});
