// Compiles kernels.ts with AssemblyScript, which is fetched for this run only (it is 100 MB), and writes ../src/wasm/simd/simd-binary.ts.
//   node packages/backends/simd/build.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMPILER = 'assemblyscript@0.28.20';
const here = fileURLToPath(new URL('.', import.meta.url));
const source = readFileSync(join(here, 'kernels.ts'));
const folder = mkdtempSync(join(tmpdir(), 'lipsync-simd-'));
const flags = ['--runtime', 'stub', '-O3', '--noAssert', '--importMemory', '--initialMemory', '1'];

function compile(name, more) {
  const file = join(folder, name);
  const args = ['--yes', `--package=${COMPILER}`, 'asc', 'kernels.ts', '-o', file, ...flags, ...more];
  execFileSync('npx', args, { cwd: here, stdio: ['ignore', 'inherit', 'inherit'] });
  return readFileSync(file).toString('base64');
}

const quoted = (text) => `'${text}'`;
try {
  const own = compile('own.wasm', ['--enable', 'simd,bulk-memory']);
  const shared = compile('shared.wasm', [
    '--enable',
    'simd,bulk-memory,threads',
    '--sharedMemory',
    '--maximumMemory',
    '65536',
  ]);
  const lines = [
    `// Made by simd/build.mjs with ${COMPILER}; do not edit.`,
    '/** SHA-256 of the simd/kernels.ts that this was made of. */',
    `export const SOURCE_HASH = ${quoted(createHash('sha256').update(source).digest('hex'))};`,
    '/** The module for a memory of its own, base64. */',
    'export const OWN_MEMORY =',
    `  ${quoted(own)};`,
    '/** The same for a memory that threads share, base64. */',
    'export const SHARED_MEMORY =',
    `  ${quoted(shared)};`,
  ];
  writeFileSync(join(here, '../src/wasm/simd/simd-binary.ts'), `${lines.join('\n')}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
