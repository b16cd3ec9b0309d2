/** Packs every public package as npm would publish it and checks the tarball with publint and attw. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'lipsync-pack-'));
const failed = [];
try {
  for (const name of readdirSync('packages')) {
    const directory = join('packages', name);
    if (JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).private) continue;
    const packed = execFileSync('pnpm', ['pack', '--json', '--pack-destination', folder], {
      cwd: directory,
      encoding: 'utf8',
    });
    const tarball = JSON.parse(packed).filename;
    for (const args of [
      ['publint', 'run', tarball, '--strict'],
      ['attw', tarball, '--format', 'ascii', '--no-emoji'],
    ]) {
      const { status, stdout, stderr } = spawnSync('pnpm', ['exec', ...args], { encoding: 'utf8' });
      if (status === 0) continue;
      failed.push(`${args[0]} @lipsync/${name}`);
      console.error(stdout, stderr);
    }
    console.log(`@lipsync/${name}: packed, publint and attw ran`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed.length > 0) {
  console.error(`check-packages: ${failed.join(', ')} failed`);
  process.exit(1);
}
