/**
 * The next release, published into a registry on this machine (verdaccio) and installed from it as users do; each application scores a drawn video.
 *
 *     node scripts/check-installs.mjs                 npm and pnpm
 *     node scripts/check-installs.mjs --all           the others too, as .github/workflows/ci.yml does; `npm test` runs none of it
 *     node scripts/check-installs.mjs next deno       some
 *
 * npm (`npx @lipsync/cli score`), pnpm without hoisting, types (TypeScript 5.9, strict), Bun, Deno, Node 22 and 24, Vite with a worker, Next.js (a route
 * handler, and a page with a worker). Programs that are not here are fetched from the npm registry; what cannot be had is skipped, with its reason.
 */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Skipped } from './installs/chromium.mjs';
import { fetchTool } from './installs/fetch-tool.mjs';
import { drawClip } from './installs/programs.mjs';
import { releaseCopy, releaseProblems } from './installs/release.mjs';
import { startRegistry } from './installs/start-registry.mjs';
import { tryNext, tryVite } from './installs/try-pages.mjs';
import { tryBun, tryDeno, tryNode, tryNpm, tryPnpm, tryTypes } from './installs/try-runtimes.mjs';
import { SKIPPED } from './skipped.mjs';

/** `needs`: a program of the npm registry, without which the application is skipped. */
const APPLICATIONS = {
  npm: { attempt: tryNpm, always: true },
  pnpm: { attempt: tryPnpm, always: true },
  types: { attempt: tryTypes },
  bun: { attempt: tryBun, needs: 'bun' },
  deno: { attempt: tryDeno, needs: 'deno' },
  node22: { attempt: tryNode('node22'), needs: 'node22' },
  node24: { attempt: tryNode('node24'), needs: 'node24' },
  vite: { attempt: tryVite },
  next: { attempt: tryNext },
};
/** Largest difference of LSE-D: other backends round otherwise, and browsers decode the video themselves. */
const TOLERANCE = 0.02;

const { values, positionals } = parseArgs({ options: { all: { type: 'boolean' } }, allowPositionals: true });
const unknown = positionals.filter((name) => !(name in APPLICATIONS));
if (unknown.length > 0)
  throw new TypeError(`check-installs: names must be of ${Object.keys(APPLICATIONS)}, got ${unknown}`);
const wanted = Object.entries(APPLICATIONS).filter(
  ([name, { always }]) => values.all || (positionals.length > 0 ? positionals.includes(name) : always),
);
try {
  await fetchTool('verdaccio');
} catch (error) {
  console.log(`installs: skipped, ${error.message}`);
  process.exit(SKIPPED);
}

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lipsync-installs-')));
const clip = join(folder, 'talk.mp4');
const failed = [];
let registry;
try {
  const started = Date.now();
  registry = await startRegistry(join(folder, 'registry'));
  const published = await releaseCopy(join(folder, 'release'), registry);
  failed.push(...releaseProblems(join(folder, 'release'), published));
  console.log(`installs: ${published.size} packages published into ${registry.url} (${seconds(started)} s)`);
  await drawClip(clip);
  const scores = new Map();
  for (const [name, application] of wanted) await tryOne(name, application, published, scores);
} catch (error) {
  failed.push(error.message);
} finally {
  await registry?.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
for (const problem of failed) console.error(`installs: ${problem}`);
process.exit(failed.length === 0 ? 0 : 1);

async function tryOne(name, { attempt, needs }, published, scores) {
  const started = Date.now();
  try {
    if (needs) await fetchTool(needs).catch(({ message }) => Promise.reject(new Skipped(message)));
    const { said, sentence, lseD } = await attempt(join(folder, name), { ...registry, clip, published });
    if (lseD !== undefined) scores.set(name, lseD);
    const [[first, expected] = []] = scores;
    if (lseD !== undefined && !(Math.abs(lseD - expected) <= TOLERANCE))
      failed.push(`${name} must score as ${first} does, LSE-D ${expected}, got ${lseD}`);
    console.log(`installs: ${name}: ${said ?? `${sentence}, LSE-D ${lseD.toFixed(4)}`} (${seconds(started)} s)`);
  } catch (error) {
    if (error instanceof Skipped) console.log(`installs: ${name} skipped, ${error.message}`);
    else failed.push(`${name}: ${error.message}`);
  }
}

function seconds(started) {
  return Math.round((Date.now() - started) / 1000);
}
