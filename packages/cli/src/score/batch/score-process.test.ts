import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ScoreWords } from '../score-options';
import { startScoreProcess } from './score-process';

// On the built program, as a user runs it: `npm run build` goes before.

const program = fileURLToPath(new URL('../../../dist/lipsync.js', import.meta.url));
let folder: string;
let videos: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'score-process-'));
  videos = ['a.mp4', 'b.mp4'].map((name) => join(folder, name));
  for (const video of videos) await writeFile(video, 'no video');
});
afterAll(() => rm(folder, { recursive: true }));

/** The command on two videos; its status is null where it did not end. */
const score = (...words: string[]) =>
  spawnSync(process.execPath, [program, 'score', ...videos, ...words], { encoding: 'utf8', timeout: 90_000 });

test('lipsync score ends with status 2 for two videos and weights that are missing', () => {
  const { status, stderr } = score('--weights', join(folder, 'missing.pth'));
  expect([status, stderr]).toEqual([2, expect.stringContaining('lipsync score: --weights must be a file, got ')]);
}, 120_000);

test('lipsync score ends with the status of a process that refuses to score, and says why', () => {
  const { status, stderr } = score('--weights', join(folder, 'missing.onnx'));
  expect([status, stderr]).toEqual([expect.toBeOneOf([1, 2]), expect.stringContaining('missing')]);
}, 120_000);

test('startScoreProcess rejects where no process can be started', async () => {
  const { execPath } = process;
  process.execPath = join(folder, 'no-node');
  try {
    await expect(startScoreProcess({} as ScoreWords, () => {})).rejects.toThrow('the process ended (spawn');
  } finally {
    process.execPath = execPath;
  }
});
