/** A registry of npm packages on this machine, for `@lipsync/*` alone: verdaccio on a free port of the loopback address. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fetchTool } from './fetch-tool.mjs';

/**
 * @param folder for its files, which is made.
 * @returns `{ url, npmrc, stop }`: `npmrc` are the lines that make npm, pnpm, Bun and Deno take `@lipsync/*` from it.
 */
export async function startRegistry(folder) {
  const programs = await fetchTool('verdaccio');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  mkdirSync(folder, { recursive: true });
  const config = {
    storage: join(folder, 'storage'),
    auth: { htpasswd: { file: join(folder, 'htpasswd'), max_users: -1 } },
    packages: { '@lipsync/*': { access: '$all', publish: '$all' } }, // nothing is passed on to another registry
    web: { enable: false },
    max_body_size: '100mb',
    listen: [`127.0.0.1:${port}`],
    log: { type: 'stdout', format: 'json', level: 'warn' },
  };
  const path = join(folder, 'config.yaml');
  writeFileSync(path, JSON.stringify(config)); // which is YAML
  const program = join(programs, '../verdaccio/bin/verdaccio');
  const child = spawn(process.execPath, [program, '--config', path], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    child.kill();
    await ended;
  };
  const deadline = Date.now() + 60_000;
  while (!(await answers(url))) {
    if (child.exitCode === null && Date.now() < deadline) continue;
    await stop();
    throw new Error(`the registry did not start: ${output.slice(-500)}`);
  }
  return { url, npmrc: `@lipsync:registry=${url}\n//127.0.0.1:${port}/:_authToken=anybody\n`, stop };
}

/** Whether the registry answers; where it does not, half a second later. */
async function answers(url) {
  try {
    return (await fetch(`${url}-/ping`)).ok;
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 500));
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
