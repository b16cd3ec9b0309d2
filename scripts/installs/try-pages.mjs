/** Applications with a page that scores a file in a worker. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { scoreInPage } from './chromium.mjs';
import { CLIP, makeApplication, NPM_FLAGS, SCORE_PACKAGES, SCORE_WORKER, withFfmpeg } from './programs.mjs';
import { run } from './run.mjs';

const NEXT = ['next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'];
const MEDIA_TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

const PAGE = `document.querySelector('input').addEventListener('change', ({ target }) => {
  const worker = new Worker(new URL('./score-worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => (document.querySelector('output').textContent = data);
  worker.postMessage(target.files[0]);
});
`;
const HTML = '<!doctype html><input type="file" /><output></output><script type="module" src="./page.js"></script>\n';

/** Vite (the one that comes with vitest), with the one option that its workers need. */
export async function tryVite(folder, registry) {
  await makeApplication(folder, registry, { 'index.html': HTML, 'page.js': PAGE, 'score-worker.js': SCORE_WORKER });
  await run('npm', ['install', ...NPM_FLAGS, ...SCORE_PACKAGES], { cwd: folder });
  const vitest = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
  const { build } = await import(pathToFileURL(vitest.resolve('vite')).href);
  await build({ root: folder, configFile: false, logLevel: 'silent', worker: { format: 'es' } });
  const server = createServer(async ({ url }, response) => {
    const path = url === '/' ? '/index.html' : new URL(url, 'http://x').pathname;
    const body = await readFile(join(folder, 'dist', path)).catch(() => undefined);
    const headers = { 'content-type': MEDIA_TYPES[extname(path)] ?? 'application/octet-stream' };
    response.writeHead(body ? 200 : 404, headers).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await scoreInPage(`http://127.0.0.1:${server.address().port}/`, registry.clip);
  } finally {
    server.close();
  }
}

const NEXT_FILES = {
  'next.config.mjs': "export default { serverExternalPackages: ['@lipsync/score'] };\n",
  'app/layout.jsx':
    'export default function Layout({ children }) {\n  return (<html lang="en"><body>{children}</body></html>);\n}\n',
  'app/page.jsx': `'use client';
import { useState } from 'react';

export default function Page() {
  const [said, say] = useState('');
  const score = ({ target }) => {
    const worker = new Worker(new URL('./score-worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => say(data);
    worker.postMessage(target.files[0]);
  };
  return (<main><input type="file" onChange={score} /><output>{said}</output></main>);
}
`,
  'app/score-worker.js': SCORE_WORKER,
  'app/api/score/route.js': `import { scoreVideo } from '@lipsync/score';

export async function GET() {
  const { faces } = await scoreVideo('${CLIP}');
  return Response.json({ sentence: faces[0].sentence, lseD: faces[0].lseD });
}
`,
};

/** Next.js: a route handler scores in Node, a client page in a worker. */
export async function tryNext(folder, registry) {
  await makeApplication(folder, registry, NEXT_FILES);
  await run('npm', ['install', ...NPM_FLAGS, ...NEXT, ...SCORE_PACKAGES], { cwd: folder });
  const env = { ...withFfmpeg(), NEXT_TELEMETRY_DISABLED: '1' };
  const next = join(folder, 'node_modules/next/dist/bin/next');
  await run(process.execPath, [next, 'build'], { cwd: folder, env, limitMs: 600_000 });
  const server = await serve(next, folder, env);
  try {
    const answer = await fetch(`${server.url}api/score`, { signal: AbortSignal.timeout(300_000) });
    if (!answer.ok) throw new Error(`the route must answer 200, got ${answer.status}: ${server.output()}`);
    const { lseD } = await answer.json();
    const page = await scoreInPage(server.url, registry.clip);
    if (Math.abs(page.lseD - lseD) > 0.02)
      throw new Error(`page and route must score alike, got ${page.lseD} and ${lseD}`);
    return { sentence: page.sentence, lseD };
  } finally {
    server.stop();
  }
}

/** `next start` on a free port. */
async function serve(next, cwd, env) {
  const child = spawn(process.execPath, [next, 'start', '-H', '127.0.0.1', '-p', '0'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`next start said nothing: ${output}`)), 120_000);
    const look = () => {
      const found = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(output);
      if (!found || !/Ready/.test(output)) return;
      clearTimeout(timer);
      resolve(`http://127.0.0.1:${found[1]}/`);
    };
    child.stdout.on('data', look);
    child.once('close', () => reject(new Error(`next start ended: ${output}`)));
  });
  return { url, output: () => output.slice(-1500), stop: () => child.kill() };
}
