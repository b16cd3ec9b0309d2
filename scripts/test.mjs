/**
 * What `npm test` runs after install and build; every step must pass.
 *
 *     node scripts/test.mjs                       every step
 *     node scripts/test.mjs unit arrows           some
 *     node scripts/test.mjs --force               again, although nothing that a step reads has changed
 *
 * turbo runs two tasks at a time and keeps what passed: a task whose inputs (turbo.json) are as they were is not run again. What tasks find on the
 * machine, such as PyTorch or a browser, counts as an input.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeMachine } from './describe-machine.mjs';
import { SKIPPED } from './skipped.mjs';

/** A step is a task of turbo.json; `unit` is the task `test` of each package. */
const STEPS = [
  ...['lint', 'typecheck', 'arrows', 'knip', 'house', 'changesets', 'workflows', 'docs', 'site', 'unit'],
  ...['reference', 'fuzz', 'packages', 'path', 'dinet', 'faults', 'endurance', 'webgpu', 'browser', 'onnx', 'ctc'],
  ...['accelerator', 'tfjs-node'],
];
process.chdir(dirname(dirname(fileURLToPath(import.meta.url))));
const args = process.argv.slice(2);
const wanted = args.filter((arg) => !arg.startsWith('--'));
const unknown = wanted.filter((step) => !STEPS.includes(step));
if (unknown.length > 0) {
  console.error(`test: step must be one of ${STEPS.join(', ')}, got ${unknown.join(', ')}`);
  process.exit(1);
}
const steps = wanted.length > 0 ? wanted : STEPS;
const tasks = steps.map((step) => (step === 'unit' ? 'test' : step));

const started = Date.now();
const turbo = [
  'exec',
  'turbo',
  'run',
  ...tasks,
  '--continue',
  '--concurrency=2',
  '--output-logs=new-only',
  '--summarize',
];
const { status } = spawnSync('pnpm', [...turbo, ...(args.includes('--force') ? ['--force'] : [])], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  // Two packages are tested side by side: a worker for each.
  env: {
    ...process.env,
    LIPSYNC_TEST_MACHINE: describeMachine(),
    VITEST_MAX_WORKERS: '1',
    TURBO_TELEMETRY_DISABLED: '1',
  },
});

const ran = readSummary().filter(({ taskId }) => !taskId.endsWith('#build'));
const failed = [];
console.log('');
for (const step of steps) {
  const own = ran.filter(({ taskId }) => taskId.endsWith(step === 'unit' ? '#test' : `//#${step}`));
  const bad = own.filter(({ execution }) => execution?.exitCode !== 0);
  const skipped = bad.length > 0 && bad.every(({ execution }) => execution?.exitCode === SKIPPED);
  const seconds = own.reduce(
    (sum, { execution, cache }) => sum + (cache.status === 'HIT' ? 0 : secondsOf(execution)),
    0,
  );
  const kept = own.filter(({ cache }) => cache.status === 'HIT').length;
  const outcome = own.length === 0 || (bad.length > 0 && !skipped) ? 'FAILED' : skipped ? 'skipped' : 'holds';
  const details = [
    kept < own.length && `${Math.round(seconds)} s`,
    kept > 0 && (own.length === 1 ? 'unchanged' : `${kept} of ${own.length} unchanged`),
  ];
  console.log(`--- ${step}: ${outcome} (${details.filter(Boolean).join(', ') || 'did not run'})`);
  if (outcome !== 'FAILED') continue;
  failed.push(
    step === 'unit' ? `unit (${bad.map(({ taskId }) => taskId.replace(/^@lipsync\/|#test$/g, '')).join(', ')})` : step,
  );
}
const builds = readSummary().filter(
  ({ taskId, execution }) => taskId.endsWith('#build') && execution && execution.exitCode !== 0,
);
failed.push(...builds.map(({ taskId }) => taskId));
if (failed.length === 0 && status !== 0 && !ran.some(({ execution }) => execution?.exitCode === SKIPPED))
  failed.push('turbo');

console.log(`\n${((Date.now() - started) / 60_000).toFixed(1)} minutes`);
if (steps.includes('unit')) {
  const counts = countTests();
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
}
if (failed.length > 0) {
  console.error(`\nnpm test: ${failed.join(', ')} failed`);
  process.exit(1);
}

/** What turbo wrote of this run: its tasks, with status and times. */
function readSummary() {
  const folder = '.turbo/runs';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const own = files
    .filter((file) => statSync(file).mtimeMs >= started)
    .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs);
  return own.length > 0 ? JSON.parse(readFileSync(own.at(-1), 'utf8')).tasks : [];
}

function secondsOf(execution) {
  return execution ? (execution.endTime - execution.startTime) / 1000 : 0;
}

/** The tests of all packages; those of a package that is unchanged come from its last run. */
function countTests() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const parent of ['packages', 'examples']) {
    for (const name of readdirSync(parent)) {
      const report = join(parent, name, '.vitest/report.json');
      if (!existsSync(report)) continue;
      const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(report, 'utf8'));
      counts.passed += numPassedTests;
      counts.failed += numFailedTests;
      counts.skipped += numPendingTests;
    }
  }
  return counts;
}
