import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runAccelerate } from './accelerate-command';

const saved = process.env.LIPSYNC_ACCELERATOR_DIR;
let folder: string;
let out = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lipsync-accelerate-'));
  process.env.LIPSYNC_ACCELERATOR_DIR = folder;
  out = '';
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => ((out += text), true));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
  if (saved === undefined) delete process.env.LIPSYNC_ACCELERATOR_DIR;
  else process.env.LIPSYNC_ACCELERATOR_DIR = saved;
});

test('accelerate --check says that nothing was built, with status 1', async () => {
  expect(await runAccelerate({ positionals: [], values: { check: true } })).toBe(1);
  expect(out).toContain('no accelerator: not built here (lipsync accelerate)');
  out = '';
  expect(await runAccelerate({ positionals: [], values: { check: true, json: true } })).toBe(1);
  expect(JSON.parse(out)).toEqual({ accelerator: null, reason: 'not built here (lipsync accelerate)' });
});

test('a compiler that is not there is an error that says what is needed', async () => {
  await expect(runAccelerate({ positionals: [], values: { compiler: join(folder, 'nobody') } })).rejects.toThrow(
    'apt-get install g++ libdnnl-dev',
  );
});
