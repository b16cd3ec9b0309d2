import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runLipsync } from '../terminal/run-lipsync';
import { type CapturedOutput, captureOutput } from '../testing/capture-output';

const saved = process.env.LIPSYNC_ACCELERATOR_DIR;
let folder: string;
let output: CapturedOutput;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lipsync-accelerate-'));
  process.env.LIPSYNC_ACCELERATOR_DIR = folder;
  output = captureOutput();
});

afterEach(() => {
  output.restore();
  rmSync(folder, { recursive: true });
  if (saved === undefined) delete process.env.LIPSYNC_ACCELERATOR_DIR;
  else process.env.LIPSYNC_ACCELERATOR_DIR = saved;
});

test('lipsync accelerate --check says that nothing was built and ends with status 1', async () => {
  expect(await runLipsync(['accelerate', '--check'])).toBe(1);
  expect(output.err).toContain(
    'no accelerator: not built here (buildAccelerator of @lipsync/accelerator-onednn builds it)',
  );
  output.clear();
  expect(await runLipsync(['accelerate', '--check', '--json'])).toBe(1);
  expect(JSON.parse(output.out)).toEqual({
    accelerator: null,
    reason: 'not built here (buildAccelerator of @lipsync/accelerator-onednn builds it)',
  });
});

test('a missing compiler is an error that says what to install', async () => {
  expect(await runLipsync(['accelerate', '--compiler', join(folder, 'nobody')])).toBe(1);
  expect(output.err).toContain('apt-get install g++ libdnnl-dev');
});
