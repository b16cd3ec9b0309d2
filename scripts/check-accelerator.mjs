/**
 * The optional accelerator: built anew into a scratch folder, its own tests, and every test of kernels and layers again on it. Its package for this
 * platform, made and used outside the workspace (`--prebuilt` does this alone).
 *
 * `--sanitize` also builds it with AddressSanitizer and calls every kernel under that; `--valgrind` does so under Valgrind. Skips, with its reason, where
 * there is no compiler or no oneDNN (apt-get install g++ libdnnl-dev).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makePrebuilt } from './accelerator/make-prebuilt.mjs';
import { tryPrebuilt } from './accelerator/try-prebuilt.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'lipsync-accelerator-'));
process.env.LIPSYNC_ACCELERATOR_DIR = scratch;
process.env.OMP_WAIT_POLICY = 'passive';
delete process.env.LIPSYNC_ACCELERATOR;
const { buildAccelerator, openAccelerator } = await import(
  new URL('../packages/accelerator-onednn/dist/index.js', import.meta.url).href
);
const vitest = join('node_modules', 'vitest', 'vitest.mjs');
let failed = false;

async function checkPrebuilt() {
  const { tarball, libraries } = await makePrebuilt(join(scratch, 'prebuilt'));
  const version = tryPrebuilt(join(scratch, 'app'), tarball);
  const bytes = statSync(tarball).size;
  console.log(
    `accelerator: its package for this platform (${(bytes / 1e6).toFixed(1)} MB, with ${libraries.join(', ')}) opens oneDNN ${version}`,
  );
}

function run(title, words, { before = [], env = {} } = {}) {
  const [program, ...args] = [...before, process.execPath, ...words];
  const { status } = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  console.log(`accelerator: ${title}: ${status === 0 ? 'holds' : 'FAILED'}`);
  failed ||= status !== 0;
}

try {
  try {
    await buildAccelerator();
  } catch (error) {
    console.log(`accelerator: skipped, ${error.message}`);
    process.exit(0);
  }
  const { version } = openAccelerator();
  console.log(`accelerator: built over oneDNN ${version}`);
  await checkPrebuilt();
  if (process.argv.includes('--prebuilt')) process.exit(0);
  run('its own tests', [vitest, 'run', '--project', 'accelerator-onednn', '--reporter=dot']);
  run(
    'kernels',
    [
      vitest,
      'run',
      '--project',
      'backends',
      '--reporter=dot',
      'adam-w',
      'add',
      'conv',
      'elementwise',
      'group-norm',
      'mat-mul',
      'sum',
      'heap',
    ],
    {
      env: { LIPSYNC_TEST_ACCELERATOR: '1' },
    },
  );
  run('layers and the network', [
    vitest,
    'run',
    '--project',
    'nn',
    '--project',
    'avalignnet',
    '--reporter=dot',
    'layers-on-wasm',
    'adamw',
    'clip-gradient',
    'avalignnet.test',
    'train-step',
  ]);

  const exercise = ['scripts/exercise-accelerator.mjs'];
  if (process.argv.includes('--sanitize')) {
    await buildAccelerator({ flags: ['-fsanitize=address', '-fno-omit-frame-pointer', '-g', '-O1'] });
    const library = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
    // Node and oneDNN keep memory until they end; only what our code does wrong counts.
    run('AddressSanitizer', exercise, { env: { LD_PRELOAD: library, ASAN_OPTIONS: 'detect_leaks=0:halt_on_error=1' } });
  }
  if (process.argv.includes('--valgrind')) {
    await buildAccelerator({ flags: ['-g', '-O1'] });
    const before = [
      'valgrind',
      '--error-exitcode=9',
      '--errors-for-leak-kinds=none',
      '--smc-check=all-non-file',
      '--undef-value-errors=no',
      '-q',
    ];
    run('Valgrind', exercise, { before });
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
