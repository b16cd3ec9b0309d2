/** What `npm test` runs after install and build; every step must pass. `node scripts/test.mjs unit arrows` runs some. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'lipsync-test-'));
const report = join(scratch, 'vitest.json');
const steps = {
  types: ['pnpm', ['run', 'typecheck']],
  unit: ['pnpm', ['exec', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]],
  arrows: ['pnpm', ['exec', 'depcruise', '--config', '.dependency-cruiser.cjs', 'packages', 'examples']],
  reference: [process.execPath, ['scripts/check-reference.mjs']],
  fuzz: [process.execPath, ['scripts/fuzz.mjs', '--files', '20000']],
  packages: [process.execPath, ['scripts/check-packages.mjs']],
  path: [process.execPath, ['scripts/check-path.mjs']],
  dinet: [process.execPath, ['scripts/check-dinet.mjs']],
  faults: [process.execPath, ['scripts/check-faults.mjs']],
  endurance: [process.execPath, ['scripts/check-endurance.mjs', '--calls', '300']],
  webgpu: [process.execPath, ['scripts/check-webgpu.mjs']],
  browser: [process.execPath, ['scripts/check-browser.mjs']],
  onnx: [process.execPath, ['scripts/check-onnx.mjs']],
  ctc: [process.execPath, ['scripts/check-ctc.mjs']],
  accelerator: [process.execPath, ['scripts/check-accelerator.mjs']],
};

const wanted = process.argv.slice(2);
const failed = [];
for (const [name, [program, args]] of Object.entries(steps)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n--- ${name}`);
  const started = Date.now();
  const { status } = spawnSync(program, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  console.log(`--- ${name}: ${status === 0 ? 'holds' : 'FAILED'} (${Math.round((Date.now() - started) / 1000)} s)`);
  if (status !== 0) failed.push(name);
}

try {
  const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
  console.log(`\n${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
} catch {
  // The unit step was not asked for, or did not get as far as its report; the exit status says so.
}
rmSync(scratch, { recursive: true, force: true });
if (failed.length > 0) {
  console.error(`\nnpm test: ${failed.join(', ')} failed`);
  process.exit(1);
}
