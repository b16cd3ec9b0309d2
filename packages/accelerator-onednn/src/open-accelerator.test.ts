import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { moduleFile } from './module-file';
import { openAccelerator } from './open-accelerator';

const saved = { ...process.env };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lipsync-accelerator-'));
  process.env.LIPSYNC_ACCELERATOR_DIR = folder;
  delete process.env.LIPSYNC_ACCELERATOR;
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  for (const name of ['LIPSYNC_ACCELERATOR_DIR', 'LIPSYNC_ACCELERATOR']) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
});

test('without a module, openAccelerator gives the function that builds it', () => {
  expect(openAccelerator()).toEqual({
    kernels: null,
    reason: 'not built here (buildAccelerator of @lipsync/accelerator-onednn builds it)',
  });
});

test('a module that does not load is not used, and the reason says what to do', () => {
  mkdirSync(dirname(moduleFile()), { recursive: true });
  writeFileSync(moduleFile(), 'no library');
  const opened = openAccelerator();
  expect(opened.kernels).toBeNull();
  expect((opened as { reason: string }).reason).toMatch(
    /\.node does not load: .+ \(install oneDNN: apt-get install libdnnl2; or build it again: buildAccelerator of @lipsync\/accelerator-onednn\)$/,
  );
});

test('LIPSYNC_ACCELERATOR=0 switches the accelerator off', () => {
  process.env.LIPSYNC_ACCELERATOR = '0';
  expect(openAccelerator()).toEqual({ kernels: null, reason: 'switched off by LIPSYNC_ACCELERATOR=0' });
});

test.each([-1, 1.5, 257, NaN])('openAccelerator refuses %d threads', (threads) => {
  expect(() => openAccelerator({ threads })).toThrow(
    `openAccelerator: threads must be a whole number from 1 to 256, got ${threads}`,
  );
});
