/** The tests of the package in whose folder it is started; their counts go to `.vitest/report.json` there, for scripts/test.mjs. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const here = process.cwd();
const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
// The names that vitest.config.ts gives the projects.
const project = basename(dirname(here)) === 'examples' ? `example-${basename(here)}` : basename(here);
const report = join(relative(root, here), '.vitest', 'report.json');
const words = ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, ...words, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
if (status !== 0) console.error(`${name}: tests failed`);
process.exit(status ?? 1);
