import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';
import { runLipsync } from './run-lipsync';

let folder: string;
let output: CapturedOutput;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-lipsync-'));
  output = captureOutput();
});
afterEach(() => {
  output.clear();
});
afterAll(async () => {
  output.restore();
  await rm(folder, { recursive: true });
});

test('runLipsync shows the help of the whole and of a command', async () => {
  expect(await runLipsync(['--help'])).toBe(0);
  expect(output.out).toMatch(/score \[options\] <videos\.\.\.>|score/);
  expect(output.out).not.toContain('train-dinet');
  output.clear();
  expect(await runLipsync(['train', 'expert', '--help'])).toBe(0);
  expect(output.out).toContain('--held-out <file>');
  expect(output.out).toContain('Speed and memory:');
  expect(await runLipsync([])).toBe(2);
});

test.each([
  [['fly'], "lipsync: unknown command 'fly'"],
  [
    ['train', 'x'],
    'lipsync train expert: CLIPS must be a folder made by lipsync prepare, got x: there is no such folder',
  ],
  [['train', 'genrator', 'clips', '--out', 'y'], "unknown command 'genrator' (Did you mean generator?)"],
  [['train-dinet', 'x', '--out', 'y'], 'lipsync train-dinet: this command is now lipsync train generator'],
  [['score', 'a.mp4'], 'lipsync score: VIDEO must be a file, '],
  [['dub', 'a.mp4', 'b.wav', 'c.mp4'], "lipsync dub: required option '--weights <file>' not specified"],
  [['score', 'a.mp4', '--weights', 'x', '--protocl', 'x'], 'Did you mean --protocol?'],
  [
    ['score', '--weights', 'syncnet-example-that-is-no-file.onnx', import.meta.filename],
    'lipsync score: --weights must be',
  ],
  [['prepare', 'one'], "lipsync prepare: missing required argument 'clips'"],
  [['prepare', 'a', 'b', '--config', 'huge'], 'lipsync prepare: --config must be a .json file or one of'],
  [['prepare', 'a', 'b', '--head', '12'], 'lipsync prepare: --head must be a multiple of 8, got 12'],
  [['--', 'prepare', '--', 'one'], "missing required argument 'clips'"],
])('runLipsync answers %j with status 2 and the rule', async (words, message) => {
  expect(await runLipsync(words)).toBe(2);
  expect(output.err).toContain(message);
});

test('runLipsync ends with status 2 for a folder that does not exist, without a stack', async () => {
  expect(await runLipsync(['prepare', join(folder, 'nowhere'), join(folder, 'clips'), '--jobs', '2'])).toBe(2);
  expect(output.err).toContain('no such file');
  expect(output.err).not.toContain('    at ');
});

test('runLipsync names the field of a recipe file that is wrong', async () => {
  await writeFile(join(folder, 'recipe.json'), '{"frameCount": 0}');
  expect(await runLipsync(['prepare', folder, join(folder, 'clips'), '--recipe', join(folder, 'recipe.json')])).toBe(2);
  expect(output.err).toContain('--recipe: recipe.frameCount must be a whole number above 0, got 0');
});
