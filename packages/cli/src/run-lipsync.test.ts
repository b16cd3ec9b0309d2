import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runLipsync } from './run-lipsync';

let folder: string;
let out = '';
let err = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-lipsync-'));
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

test('runLipsync shows help of the whole and of a command', async () => {
  expect(await runLipsync(['--help'])).toBe(0);
  expect(out).toContain('lipsync score --weights FILE VIDEO...');
  out = '';
  expect(await runLipsync(['train', '--help'])).toBe(0);
  expect(out).toContain('--held-out FILE');
});

test.each([
  [['fly'], 'lipsync: command must be prepare, report, data, train, '],
  [['train', 'x'], '--out must be a folder'],
  [['score', 'a.mp4'], '--weights must be a weights file, got none'],
  [['prepare', 'one'], 'VIDEOS CLIPS must be two folders, got 1'],
  [['prepare', 'a', 'b', '--config', 'huge'], '--config must be a .json file or one of'],
])('runLipsync answers %j with status 2 and the rule', async (words, message) => {
  expect(await runLipsync(words)).toBe(2);
  expect(err).toContain(message);
});

test('runLipsync answers a folder without videos with status 1, without a stack', async () => {
  await writeFile(join(folder, 'recipe.json'), '{}');
  expect(await runLipsync(['prepare', join(folder, 'nowhere'), join(folder, 'clips'), '--jobs', '2'])).toBe(1);
  expect(err).toContain('no such file');
  expect(err).not.toContain('    at ');
});

test('runLipsync names what is wrong with a recipe file', async () => {
  await writeFile(join(folder, 'recipe.json'), '{"frames": 0}');
  expect(await runLipsync(['prepare', folder, join(folder, 'clips'), '--recipe', join(folder, 'recipe.json')])).toBe(1);
  expect(err).toContain('--recipe: recipe.frames must be a whole number above 0, got 0');
});
