/**
 * Packs every public package as npm would publish it and checks the tarball: licence, README and types are in it, tests and test helpers are not, and
 * publint and attw find nothing. Then the tarballs are tried outside the workspace, see scripts/packages/try-installed.mjs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tryInstalled } from './packages/try-installed.mjs';

/** Files that no entry of package.json points to, but without which a package does nothing. */
const DATA = {
  '@lipsync/mediapipe-weights': ['blazeface.json', 'blazeface.bin', 'facemesh.json', 'facemesh.bin']
    .concat('terms-human.txt', 'terms-mediapipe.txt', 'NOTICE')
    .map((file) => `dist/models/${file}`),
  '@lipsync/pretrained': ['expert.safetensors', 'expert.visual.onnx', 'expert.audio.onnx', 'NOTICE']
    .map((file) => `data/${file}`)
    .concat('dist/model-card.md'),
};
const folder = mkdtempSync(join(tmpdir(), 'lipsync-pack-'));
const failed = [];
const tarballs = new Map();
try {
  for (const name of readdirSync('packages')) {
    const directory = join('packages', name);
    const manifest = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
    if (manifest.private) continue;
    const packed = execFileSync('pnpm', ['pack', '--json', '--pack-destination', folder], {
      cwd: directory,
      encoding: 'utf8',
    });
    const { filename } = JSON.parse(packed);
    tarballs.set(name, filename);
    // What pnpm prints leaves out the licence that it takes from the root.
    const listed = execFileSync('tar', ['-tzf', filename], { encoding: 'utf8' }).trim().split('\n');
    const files = new Set(listed.map((path) => path.replace(/^package\//, '')));
    for (const problem of contentProblems(manifest, files)) {
      failed.push(`@lipsync/${name}`);
      console.error(`@lipsync/${name}: ${problem}`);
    }
    for (const args of [
      ['publint', 'run', filename, '--strict'],
      // Node 10's resolution knows no subpaths; Node 20 and bundlers do.
      ['attw', filename, '--profile', 'node16', '--format', 'ascii', '--no-emoji'],
    ]) {
      const { status, stdout, stderr } = spawnSync('pnpm', ['exec', ...args], { encoding: 'utf8' });
      if (status === 0) continue;
      failed.push(`${args[0]} @lipsync/${name}`);
      console.error(stdout, stderr);
    }
    console.log(`@lipsync/${name}: ${files.size} files packed; licence, types, publint and attw checked`);
  }
  for (const problem of await tryInstalled(folder, tarballs)) {
    failed.push('the installed packages');
    console.error(`installed: ${problem}`);
  }
  console.log('installed: the trained weights tried from the tarballs, in Node (ESM, CommonJS), Vite and esbuild');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (failed.length > 0) {
  console.error(`check-packages: ${failed.join(', ')} failed`);
  process.exit(1);
}

function contentProblems({ name, license, types, exports = {} }, files) {
  const problems = [];
  if (!license) problems.push('package.json must name the licence');
  for (const file of ['LICENSE', 'README.md', 'package.json'])
    if (!files.has(file)) problems.push(`the tarball must hold ${file}`);
  for (const file of DATA[name] ?? []) if (!files.has(file)) problems.push(`the tarball must hold ${file}`);
  // Every file that package.json points to, types first.
  const targets = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(targets));
  if (!types) problems.push('package.json must name the types');
  for (const target of [types, ...targets(exports)].filter(Boolean)) {
    const path = target.replace(/^\.\//, '');
    const [start, end] = path.split('*');
    const holds =
      end === undefined ? files.has(path) : [...files].some((file) => file.startsWith(start) && file.endsWith(end));
    if (!holds) problems.push(`the tarball must hold ${path}, to which package.json points`);
  }
  if (!targets(exports).some((target) => /\.d\.c?ts$/.test(target))) problems.push('exports must name types');
  for (const file of files)
    if (/\.test\.|(^|\/)testing\//.test(file)) problems.push(`the tarball must not hold ${file}`);
  return problems;
}
