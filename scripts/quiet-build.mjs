/**
 * Builds everything for an example, in one line: the log goes to a file, which is shown where the build fails.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Lines of the log that are shown of a failed build. */
const SHOWN_LINES = 60;

/**
 * @param {string} root of the repository.
 * @param {{ program?: string, args?: string[], log?: (line: string) => void }} options of a program in place of the build; for tests.
 * @returns {number} the exit status of the build.
 */
export function quietBuild(root, { program = 'pnpm', args = ['run', 'build'], log = console.error } = {}) {
  const folder = join(root, '.turbo');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'build.log');
  const file = openSync(path, 'w');
  const started = Date.now();
  log('building the packages (the first time takes some minutes) ...');
  const result = spawnSync(program, args, {
    cwd: root,
    stdio: ['ignore', file, file],
    shell: process.platform === 'win32',
  });
  closeSync(file);
  if (result.error) throw result.error;
  if (result.status === 0) log(`built in ${((Date.now() - started) / 1000).toFixed(0)} s`);
  else {
    log(readFileSync(path, 'utf8').split('\n').slice(-SHOWN_LINES).join('\n'));
    log(`the build failed; all of its log: ${relative(process.cwd(), path)}`);
  }
  return result.status ?? 1;
}
