/** The built command as the checks run it: to its end, or until it is killed. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

export const LIPSYNC = 'packages/cli/dist/lipsync.js';
export const run = promisify(execFile);

/** Runs the command and reads its JSON; a status other than 0 throws, unless it is the one that is expected. */
export async function lipsync(words, status = 0) {
  const { stdout, code } = await run(process.execPath, [LIPSYNC, ...words, '--json'], { maxBuffer: 1 << 26 }).catch(
    (error) => {
      if (error.code !== status) throw new Error(`${error.message}\n${error.stderr}`);
      return error;
    },
  );
  assert.equal(code ?? 0, status);
  return JSON.parse(stdout);
}

/** Starts the command and kills it, children and all, as soon as `reached` holds. */
export async function killWhen(words, reached) {
  const child = spawn(process.execPath, [LIPSYNC, ...words], { stdio: 'ignore', detached: true });
  const ended = new Promise((resolve) => child.once('exit', () => resolve(true)));
  for (let waited = 0; waited < 120_000; waited += 50) {
    if (await reached()) break;
    const done = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50, false))]);
    assert.equal(done, false, 'it must still run when it is killed');
  }
  process.kill(-child.pid, 'SIGKILL');
  await ended;
}
