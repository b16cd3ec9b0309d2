/**
 * Packs every public package as npm would publish it and checks the tarball: licence, README and types are in it, tests and test helpers are not, it is
 * no larger than its budget (scripts/packages/tarball-problems.mjs), and publint and attw find nothing. Then the tarballs are tried outside the
 * workspace, see scripts/packages/try-installed.mjs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sizeProblems } from './packages/installed-size.mjs';
import { checkTarball } from './packages/tarball-problems.mjs';
import { tryBundlers } from './packages/try-bundlers.mjs';
import { tryBundles } from './packages/try-bundles.mjs';
import { tryInstalled } from './packages/try-installed.mjs';

const folder = mkdtempSync(join(tmpdir(), 'lipsync-pack-'));
const failed = [];
const shell = process.platform === 'win32'; // pnpm is a script there
const tarballs = new Map();
try {
  for (const name of readdirSync('packages')) {
    const directory = `packages/${name}`;
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    if (manifest.private) continue;
    const packed = execFileSync('pnpm', ['pack', '--json', '--pack-destination', folder], {
      cwd: directory,
      encoding: 'utf8',
      shell,
    });
    const { filename } = JSON.parse(packed);
    tarballs.set(name, filename);
    const { problems, files, bytes } = checkTarball(manifest, directory, filename);
    for (const problem of problems) {
      failed.push(`@lipsync/${name}`);
      console.error(`@lipsync/${name}: ${problem}`);
    }
    for (const args of [
      ['publint', 'run', filename, '--strict'],
      // Node 10's resolution knows no subpaths; Node 20 and bundlers do.
      ['attw', filename, '--profile', 'node16', '--format', 'ascii', '--no-emoji'],
    ]) {
      const { status, stdout, stderr } = spawnSync(join('node_modules/.bin', args[0]), args.slice(1), {
        encoding: 'utf8',
        shell,
      });
      if (status === 0) continue;
      failed.push(`${args[0]} @lipsync/${name}`);
      console.error(stdout, stderr);
    }
    const size = `${Math.ceil(bytes / 1000)} KB, ${files.size} files`;
    console.log(`@lipsync/${name}: ${size}; manifest, licence, types, source maps, publint and attw checked`);
  }
  const app = join(folder, 'app');
  const installed = [...(await tryInstalled(folder, tarballs)), ...(await tryBundlers(app))];
  for (const problem of [...installed, ...(await tryBundles(app)), ...sizeProblems(app)]) {
    failed.push('the installed packages');
    console.error(`installed: ${problem}`);
  }
  console.log('installed: the trained weights tried from the tarballs, in Node (ESM, CommonJS)');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed.length > 0) {
  console.error(`check-packages: ${failed.join(', ')} failed`);
  process.exit(1);
}
