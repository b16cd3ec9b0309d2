import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildAccelerator } from './build-accelerator';
import { moduleFile } from './module-file';

const saved = process.env.LIPSYNC_ACCELERATOR_DIR;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lipsync-build-'));
  process.env.LIPSYNC_ACCELERATOR_DIR = join(folder, 'build');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
  if (saved === undefined) delete process.env.LIPSYNC_ACCELERATOR_DIR;
  else process.env.LIPSYNC_ACCELERATOR_DIR = saved;
});

/** A program in the compiler's place. */
function compiler(body: string): string {
  const file = join(folder, 'cc');
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

test.skipIf(process.platform === 'win32')(
  'what the compiler writes is put in place, and nothing else is left',
  async () => {
    const file = await buildAccelerator({
      compiler: compiler('while [ "$1" != -o ]; do shift; done; echo built > "$2"'),
      flags: ['-DX=1'],
    });
    expect(file).toBe(moduleFile());
    expect(readFileSync(file, 'utf8')).toBe('built\n');
    expect(readdirSync(join(folder, 'build'))).toHaveLength(1);
  },
);

test.skipIf(process.platform === 'win32')(
  'a failing compiler is an error that says what is needed and what it said',
  async () => {
    const failing = compiler('echo "convolution.cc:1: fatal error: oneapi/dnnl/dnnl.hpp: No such file" >&2; exit 1');
    await expect(buildAccelerator({ compiler: failing })).rejects.toThrow(
      /needs a C\+\+ compiler .* apt-get install g\+\+ libdnnl-dev .* fatal error: oneapi\/dnnl\/dnnl.hpp/,
    );
    expect(existsSync(moduleFile())).toBe(false);
  },
);

test('a missing compiler is named', async () => {
  await expect(buildAccelerator({ compiler: join(folder, 'nobody') })).rejects.toThrow(/nobody reported: .*ENOENT/);
});
