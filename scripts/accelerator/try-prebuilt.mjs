/**
 * The package for this platform, as an application has it: its tarball beside that of @lipsync/accelerator-onednn, outside the workspace. The module must
 * load without a build, take its libraries from its own folder, and compute; a package of another version must not be taken.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { librariesOfLinux, librariesOfMac } from './carried-libraries.mjs';

const NAME = `accelerator-onednn-${process.platform}-${process.arch}`;
const PROGRAM = `import { readFileSync } from 'node:fs';
import { openAccelerator } from '@lipsync/accelerator-onednn';
const opened = openAccelerator({ threads: 2 });
const maps = process.platform === 'linux' ? readFileSync('/proc/self/maps', 'utf8') : '';
const loaded = [...new Set(maps.match(/\\/\\S*lib(dnnl|gomp|OpenCL)\\S*/g) ?? [])];
let sums = null;
if (opened.kernels) {
  const heap = new Float32Array([0, 0, 0, 0, 1, 2, 3, 4, 10, 20, 30, 40, 0, 0, 0, 0]);
  opened.kernels.add(heap, 4, 16, 32, 48); // byte addresses
  sums = [...heap.subarray(12)];
}
console.log(JSON.stringify({ reason: opened.reason, version: opened.version, loaded, sums }));
`;

/**
 * @param folder scratch. @param tarball from `makePrebuilt`.
 * @returns the version of oneDNN. @throws AssertionError for what does not hold.
 */
export function tryPrebuilt(folder, tarball) {
  checkParsing();
  const scope = join(folder, 'node_modules/@lipsync');
  for (const name of ['accelerator-onednn', 'contracts']) {
    mkdirSync(join(scope, name), { recursive: true });
    for (const part of ['package.json', 'dist', ...(name === 'contracts' ? [] : ['native'])])
      cpSync(join('packages', name, part), join(scope, name, part), { recursive: true });
  }
  writeFileSync(join(folder, 'app.mjs'), PROGRAM);
  assert.match(run(folder).reason, new RegExp(`not built here .*@lipsync/${NAME} is not installed`));

  const own = join(scope, NAME);
  mkdirSync(own);
  execFileSync('tar', ['-xzf', tarball, '-C', own, '--strip-components', '1']);
  const { os, cpu, license } = JSON.parse(readFileSync(join(own, 'package.json'), 'utf8'));
  assert.deepEqual([os, cpu, license], [[process.platform], [process.arch], 'Apache-2.0']);
  assert.ok(readdirSync(join(own, 'LICENCES')).length > 0, 'the package must hold the licences of what it carries');
  const { reason, version, loaded, sums } = run(folder);
  assert.equal(reason, undefined);
  assert.deepEqual(sums, [11, 22, 33, 44]);
  const elsewhere = loaded.filter((path) => !path.startsWith(`${realpathSync(own)}/`));
  assert.deepEqual(elsewhere, [], 'libraries must be taken from the package');

  const [file] = readdirSync(own).filter((name) => name.endsWith('.node'));
  renameSync(join(own, file), join(own, file.replace(/[0-9a-f]{12}\.node$/, '0123456789ab.node')));
  assert.match(run(folder).reason, /is of another version than @lipsync\/accelerator-onednn/);
  return version;
}

/** Lines of both systems, whichever this is. */
function checkParsing() {
  const lines = ['linux-vdso.so.1 (0x7f00)', 'libdnnl.so.2 => /opt/dnnl/libdnnl.so.2 (0x7f01)'];
  lines.push('libstdc++.so.6 => /lib/libstdc++.so.6 (0x7f02)', '/lib64/ld-linux-x86-64.so.2 (0x7f03)');
  assert.deepEqual([...librariesOfLinux(lines.join('\n\t'))], [['libdnnl.so.2', '/opt/dnnl/libdnnl.so.2']]);
  assert.throws(() => librariesOfLinux('\tlibdnnl.so.2 => not found'), /libdnnl\.so\.2 must be on this machine/);
  const omp = '/opt/homebrew/opt/libomp/lib/libomp.dylib';
  const printed = `module.node:\n\t${omp} (compatibility version 5.0.0, current version 5.0.0)\n`;
  const system = '\t/usr/lib/libSystem.B.dylib (compatibility version 1.0.0, current version 1345.0.0)\n';
  assert.deepEqual([...librariesOfMac(printed + system)], [[omp, omp]]);
}

function run(folder) {
  const env = { ...process.env };
  for (const name of ['LIPSYNC_ACCELERATOR_DIR', 'LIPSYNC_ACCELERATOR', 'LD_LIBRARY_PATH']) delete env[name];
  return JSON.parse(execFileSync(process.execPath, ['app.mjs'], { cwd: folder, encoding: 'utf8', env }));
}
