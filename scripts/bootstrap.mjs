/**
 * The entry commands, from a bare machine with Node 20, npm and git:
 *
 *   npm test                        everything that has to hold
 *   npm run example:train           the main job on embedded data; `-- --data DIR` for one's own
 *   npm run example:train-dinet     a generator, supervised by a sync network; likewise
 *   npm run example:train-generator a generator of any kind, by commands
 *   npm run example:dub             dubs a video with it
 *   npm run example:study           compares networks by experiments
 *
 * Brings the pinned pnpm (into .tools, no rights needed), installs, builds, then runs the task.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { quietBuild } from './quiet-build.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { packageManager, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const pinned = packageManager.split('@')[1];
const windows = process.platform === 'win32';

/** Runs a program to its end; a failure ends this script with the same status. */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, {
    cwd: root,
    stdio: 'inherit',
    env: process.env,
    shell: windows,
    ...options,
  });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

function pnpmVersion() {
  const result = spawnSync('pnpm', ['--version'], { cwd: root, env: process.env, encoding: 'utf8', shell: windows });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

const wanted = Number(/\d+/.exec(engines.node)[0]);
if (Number(process.versions.node.split('.')[0]) < wanted) {
  console.error(`bootstrap: Node must be ${engines.node}, got ${process.versions.node}`);
  process.exit(1);
}

process.env.TURBO_TELEMETRY_DISABLED = '1';
const tools = join(root, '.tools');
const bin = join(tools, 'node_modules', '.bin');
if (existsSync(bin)) process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
if (pnpmVersion() !== pinned) {
  console.log(`bootstrap: installing pnpm ${pinned} into .tools`);
  run('npm', [
    'install',
    '--prefix',
    tools,
    `pnpm@${pinned}`,
    '--no-audit',
    '--no-fund',
    '--no-save',
    '--loglevel=error',
  ]);
  if (!process.env.PATH.startsWith(bin)) process.env.PATH = `${bin}${delimiter}${process.env.PATH}`;
}
const [task, ...rest] = process.argv.slice(2);
run('pnpm', ['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=error']);
// Who runs an example wants to see the example.
if (task?.startsWith('example:')) {
  const status = quietBuild(root);
  if (status !== 0) process.exit(status);
} else {
  run('pnpm', ['run', 'build']);
}

const args = rest[0] === '--' ? rest.slice(1) : rest;
/** Paths that the user typed count from where the user stood. */
const example = (name) => () =>
  run(process.execPath, [join(root, 'examples', name, 'dist/index.js'), ...args], {
    cwd: process.env.INIT_CWD ?? process.cwd(),
    shell: false,
  });
const tasks = {
  test: () => run(process.execPath, ['scripts/test.mjs', ...args]),
  'example:train': example('train-avalignnet'),
  'example:train-dinet': example('train-dinet'),
  'example:train-generator': example('train-generator'),
  'example:dub': example('dub'),
  'example:study': example('study'),
};
if (!tasks[task]) {
  console.error(`bootstrap: task must be ${Object.keys(tasks).join(' or ')}, got ${task}`);
  process.exit(1);
}
tasks[task]();
