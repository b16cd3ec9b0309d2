/**
 * WebGPU in Node, by Dawn on the software driver SwiftShader that comes with chromium: kernels, training and inference have the numbers of the wasm
 * backend. Skipped, saying why, where Dawn or the driver cannot be had. About a minute on two cores.
 *
 *     node scripts/check-webgpu.mjs [--hardware]      on the machine's own graphics processor instead
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installInScratch, swiftShaderEnvironment } from '../tests/browser/scratch.mjs';
import { SKIPPED } from './skipped.mjs';

const { values } = parseArgs({ options: { hardware: { type: 'boolean', default: false } } });
const at = (path) => fileURLToPath(new URL(`../tests/browser/${path}`, import.meta.url));

const env = values.hardware ? process.env : swiftShaderEnvironment();
if (!env) skip('no SwiftShader here; it comes with chromium, on Debian: apt-get install chromium');
try {
  installInScratch(['webgpu', '@tensorflow/tfjs-backend-webgpu']);
} catch (error) {
  skip(error.message, SKIPPED);
}
const started = spawnSync(
  process.execPath,
  ['--import', at('from-scratch.mjs'), '--eval', "await import('webgpu')", '--input-type=module'],
  { env, encoding: 'utf8' },
);
if (started.status !== 0)
  skip(`the package webgpu does not load: ${/Error: .*/.exec(started.stderr)?.[0] ?? started.signal}`);
const { status, signal } = spawnSync(process.execPath, ['--import', at('from-scratch.mjs'), at('webgpu-in-node.mjs')], {
  env,
  stdio: 'inherit',
  timeout: 600_000,
});
if (status !== 0) console.error(`webgpu: FAILED (${signal ?? `status ${status}`})`);
process.exit(status ?? 1);

function skip(reason, status = 0) {
  console.log(`webgpu: skipped (${reason})`);
  process.exit(status);
}
