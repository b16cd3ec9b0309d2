/** Runs a program to its end. */
import { spawn } from 'node:child_process';

/**
 * @param options `cwd`; `env`, beside that of this process; `limitMs`, after which the program is killed.
 * @returns what it wrote to stdout.
 * @throws Error with the end of its output where it does not end with 0.
 */
export function run(program, args, { cwd, env = {}, limitMs = 300_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: process.platform === 'win32', // npm and pnpm are scripts there
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    const failed = (outcome) => {
      const output = `${stdout}\n${stderr}`.trim().slice(-1500);
      reject(new Error(`${[program, ...args].join(' ').slice(0, 200)} ${outcome}: ${output}`));
    };
    child.on('error', (error) => failed(`did not start (${error.message})`));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(stdout);
      else failed(`ended with ${signal ?? code}`);
    });
  });
}
