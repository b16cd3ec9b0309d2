import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import { AVAlignNet, LITE, recipeOf, saveAVAlignNet } from '@lipsync/avalignnet';
import { encodeSafetensors, writeFileAtomic } from '@lipsync/checkpoints';
import { storedShape } from '@lipsync/contracts';
import { ClipStore, clipId } from '@lipsync/dataloader';
import { DinetGenerator, LITE_DINET, saveDinet } from '@lipsync/dinet';
import { Lpips } from '@lipsync/metrics';
import { Random } from '@lipsync/nn';
import { saveWav2Lip, WAV2LIP, Wav2LipGenerator } from '@lipsync/wav2lip';
import * as tf from '@tensorflow/tfjs-core';
import { decode } from 'fast-png';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { readLpips } from './read-networks';

let folder: string;
let output: CapturedOutput;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(join(tmpdir(), 'lipsync-evaluate-'));
  const crop = { kind: 'dinet head', mouth: 32 } as const;
  const { height, width } = storedShape(crop);
  const store = await ClipStore.create(at('clips'), {
    crop,
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: 80,
    fps: 25,
  });
  const random = new Random(1);
  for (const name of ['a', 'b']) {
    await store.write({
      id: clipId(`${name}.mp4`, 0, 0),
      frames: Uint8Array.from({ length: 12 * height * width * 3 }, () => random.integer(256)),
      frameCount: 12,
      height,
      width,
      audio: new Int16Array(12 * 640),
      features: { data: Float32Array.from({ length: 40 * 80 }, () => random.normal()), steps: 40, bins: 80 },
      landmarks: new Float32Array(12 * 136),
      poses: new Float32Array(12 * 4).fill(1),
      firstFrame: 0,
      score: 1,
      interpolated: 0,
    });
  }
  await writeFileAtomic(at('held.txt'), 'b\n');
  const generator = new DinetGenerator(
    { ...LITE_DINET, width: 2, referenceChannels: 4, references: 2, norm: 'batch' },
    { seed: 1 },
  );
  await writeFile(at('weights.safetensors'), await saveDinet(generator));
  generator.dispose();
  output = captureOutput();
});
afterEach(() => {
  output.clear();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('lipsync evaluate generator writes report and sheet beside the weights, and prints the table', async () => {
  const words = [
    'evaluate',
    'generator',
    at('clips'),
    '--weights',
    at('weights.safetensors'),
    '--held-out',
    at('held.txt'),
    '--backend',
    'cpu',
    '--sheet',
    '2',
  ];
  expect(await runLipsync(words)).toBe(0);
  expect(output.out).toContain('12 frames of 1 clips, mouth 32 px, 2 references');
  expect(output.out).toContain('published on other data');
  expect(output.err).toContain(at('evaluation/sheet.png'));
  const report = JSON.parse(await readFile(at('evaluation/report.json'), 'utf8'));
  expect(report).toMatchObject({
    weightsHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    evaluation: { clips: 1, rows: { length: 6 } },
    sheet: { file: 'sheet.png' },
  });
  expect(report.published.rows).toHaveLength(4);
  expect(decode(await readFile(at('evaluation/sheet.png'))).width).toBe(2 * (4 * 40 + 4) + 4);
}, 60_000);

test('lipsync evaluate generator measures several generators, of any network, in one table', async () => {
  const wav2lip = new Wav2LipGenerator({ ...WAV2LIP, width: 1 / 64, size: 32 }, { seed: 1 });
  await writeFile(at('wav2lip.safetensors'), await saveWav2Lip(wav2lip));
  wav2lip.dispose();
  const files = `${at('weights.safetensors')},${at('wav2lip.safetensors')}`;
  const words = ['evaluate', 'generator', at('clips'), '--weights', files, '--held-out', at('held.txt')];
  expect(await runLipsync([...words, '--backend', 'cpu', '--sheet', '1', '--out', at('both')])).toBe(0);
  expect(output.out).toContain('2 generators on the same 12 frames of 1 clips, mouth 32 px');
  expect(output.out).toMatch(/^DINet \(.*weights\.safetensors\) +own/m);
  expect(output.out).toMatch(/^Wav2Lip \(.*wav2lip\.safetensors\) +own/m);
  const report = JSON.parse(await readFile(at('both/report.json'), 'utf8'));
  expect(report.generators.map((one: { generator: string }) => one.generator)).toEqual(['DINet', 'Wav2Lip']);
  expect(decode(await readFile(at('both/sheet-2.png'))).width).toBe(4 * 40 + 4 + 4);
}, 60_000);

test('lipsync evaluate expert evaluates any sync network that fits the clips, as text, JSON or CSV', async () => {
  const crop = { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' } as const;
  const expert = new AVAlignNet(LITE, { seed: 1, recipe: { ...recipeOf(LITE), crop } });
  await writeFile(at('expert.safetensors'), await saveAVAlignNet(expert));
  expert.dispose();
  const words = [
    'evaluate',
    'expert',
    at('clips'),
    '--weights',
    at('expert.safetensors'),
    '--backend',
    'wasm',
    '--all',
  ];
  const rules = ['--threads', '1', '--min-distance', '1', '--max-offset', '1', '--per-clip', '2'];
  expect(await runLipsync([...words, ...rules])).toBe(0);
  expect(output.out).toContain('2 clips, 4 pairs of single windows in sync, as many off sync');
  output.clear();
  expect(await runLipsync([...words, ...rules, '--json'])).toBe(0);
  const { evaluation, weightsHash } = JSON.parse(output.out);
  expect(weightsHash).toMatch(/^[0-9a-f]{64}$/);
  expect(evaluation).toMatchObject({ clips: 2, pairs: { inSync: 4, offSync: 4 }, byClip: { length: 2 } });
  output.clear();
  expect(await runLipsync([...words, ...rules, '--csv'])).toBe(0);
  expect(output.out.trimEnd().split('\r\n')).toHaveLength(3);
  expect(await runLipsync([...words, '--csv', '--json'])).toBe(2);
}, 60_000);

test.each([
  [['evaluate', 'dinet', 'x', '--weights', 'y'], 'this command is now lipsync evaluate generator'],
  [['evaluate', 'nothing'], "unknown command 'nothing'"],
  [['evaluate', 'generator', '--weights', 'x'], "missing required argument 'clips'"],
  [['evaluate', 'generator', 'x'], "required option '--weights <files>' not specified"],
  [['evaluate', 'expert', '--weights', 'x'], "missing required argument 'clips'"],
])('lipsync %j is a usage error', async (words, rule) => {
  expect(await runLipsync(words)).toBe(2);
  expect(output.err).toContain(rule);
});

test('readLpips identifies the network by its layers, and refuses files without any', async () => {
  const made = new Lpips({ net: 'squeeze' });
  await writeFileAtomic(at('squeeze.safetensors'), encodeSafetensors(await made.stateDict(), {}));
  made.dispose();
  const read = await readLpips([at('squeeze.safetensors')]);
  expect(read.net).toBe('squeeze');
  read.dispose();
  await expect(readLpips([at('weights.safetensors')])).rejects.toThrow(
    '--lpips must be torchvision’s network and LPIPS’s linear layers',
  );
}, 30_000);
