/**
 * TensorFlow itself, under tfjs-node: its kernels, gradients and training beside cpu and wasm, and the tests that compare networks with PyTorch. Off
 * where scripts/build-tfjs-node.mjs has not run, as that downloads 210 MB from PyPI:
 *
 *     LIPSYNC_TFJS_NODE=1 npm test -- tfjs-node       builds it first (once)
 *
 * Skips, with its reason, where PyPI, pip or a compiler is missing.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SKIPPED } from './skipped.mjs';

const ADDON = '.tools/tfjs-node/node_modules/@tensorflow/tfjs-node/lib';
/** Tests whose numbers PyTorch gave. DINet's whole generator is not among them: docs/backends.md says why. */
const PARITY = {
  avalignnet: ['network', 'losses'],
  dinet: ['network/adaat', 'network/blocks', 'network/discriminator', 'network/mel-front-end', 'network/sample'],
};
const use = new URL('use-tfjs-node.mjs', import.meta.url).href;

build();
run('kernels, gradients, training', ['--import', use, 'tests/tfjs-node/compare.mjs']);
for (const [project, files] of Object.entries(PARITY)) {
  const words = ['node_modules/vitest/vitest.mjs', 'run', '--project', project, '--reporter=dot', ...files];
  run(`PyTorch's numbers, ${project}`, words, { LIPSYNC_TEST_BACKEND: 'tfjs-node' });
}

function build() {
  if (existsSync(ADDON)) return;
  if (process.env.LIPSYNC_TFJS_NODE !== '1') {
    console.log('tfjs-node: skipped (not built; LIPSYNC_TFJS_NODE=1 builds it, a download of 210 MB from PyPI)');
    process.exit(0);
  }
  const { status } = spawnSync(process.execPath, ['scripts/build-tfjs-node.mjs'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status === SKIPPED ? SKIPPED : 1);
}

function run(title, words, more = {}) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', ...more };
  const { status } = spawnSync(process.execPath, words, { stdio: 'inherit', env });
  console.log(`tfjs-node: ${title}: ${status === 0 ? 'holds' : 'FAILED'}`);
  if (status !== 0) process.exit(1);
}
