/**
 * The packages in a browser: bundled as a user would, opened in chromium, with wasm on one thread and on several, webgl and webgpu (both computed by
 * SwiftShader). A network trains two steps, an expert scores windows, and the trained weights embed one, with the numbers of Node. Skipped, saying why,
 * where there is no chromium or the packages for it cannot be had. About a minute on two cores. `media`: files are read
 * and scored in a page by WebCodecs, with the frames, audio and scores of Node; those whose codecs the browser lacks are skipped, saying so.
 * `worker`: a worker scores a file while its page is not blocked; what is loaded has its budget. `example`: the page of examples/browser is
 * built and used.
 *
 *     node scripts/check-browser.mjs [--chromium PATH] [--pictures FOLDER] [wasm webgl ... media worker example]
 */
import assert from 'node:assert/strict';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { checkExample } from '../tests/browser/check-example.mjs';
import { checkWorker } from '../tests/browser/check-worker.mjs';
import { compareMedia } from '../tests/browser/compare-media.mjs';
import { installInScratch, scratch } from '../tests/browser/scratch.mjs';
import { embedPretrained, largestDifference, score, train } from '../tests/browser/work.mjs';
import { SKIPPED } from './skipped.mjs';

const LIMIT_MS = 400_000;
/** wasm-threaded sees four processors, whatever the machine has, so that it starts two threads. */
const RUNS = [
  { backend: 'wasm', threads: 1 },
  { backend: 'wasm-threaded', threads: 2 },
  { backend: 'webgl', threads: 1 },
  { backend: 'webgpu', threads: 1 },
];
/** Folders whose files a page finds at one address, the option `assetsUrl`. */
const ASSETS = ['pretrained/data', 'mediapipe-weights/dist/models', 'face-crop/dist/models', 'backends/dist/wasm'];

const { values, positionals } = parseArgs({
  options: { chromium: { type: 'string' }, pictures: { type: 'string' } },
  allowPositionals: true,
});
const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const programs = [values.chromium, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const chromium = programs.find((path) => path && existsSync(path));
if (!chromium) skip('no chromium here; on Debian: apt-get install chromium');
try {
  installInScratch(['playwright-core', '@tensorflow/tfjs-backend-webgl', '@tensorflow/tfjs-backend-webgpu']);
} catch (error) {
  skip(error.message, SKIPPED);
}

const wanted = (name) => positionals.length === 0 || positionals.includes(name);
const runs = RUNS.filter(({ backend }) => wanted(backend));
const expected = runs.length > 0 ? await inNode() : undefined;
/** Paths by the addresses under which they are served. */
const served = new Map();
/** What has been fetched, by address. */
const fetched = new Map();
const server = await serve({
  '/page.js': runs.length > 0 ? await bundle('page') : undefined,
  '/media-page.js': wanted('media') ? await bundle('media-page') : undefined,
  ...(wanted('worker')
    ? { '/worker-page.js': await bundle('worker-page'), ...(await bundleSplit('score-worker')) }
    : {}),
});
const { default: playwright } = await import(
  pathToFileURL(createRequire(`${scratch}/package.json`).resolve('playwright-core')).href
);
let failed = 0;
try {
  for (const run of runs) {
    const started = performance.now();
    try {
      const said = await inBrowser(run);
      console.log(`${run.backend}: ${said} (${Math.round((performance.now() - started) / 1000)} s)`);
    } catch (error) {
      failed += 1;
      console.error(`${run.backend}: FAILED: ${error.message}`);
    }
  }
  const parts = { media: mediaInBrowser, worker: workerInBrowser, example: exampleInBrowser };
  for (const [name, run] of Object.entries(parts).filter(([part]) => wanted(part))) {
    const started = performance.now();
    try {
      for (const line of await run()) console.log(`${name}: ${line}`);
      console.log(`${name}: ${Math.round((performance.now() - started) / 1000)} s`);
    } catch (error) {
      failed += 1;
      console.error(`${name}: FAILED: ${error.message}`);
    }
  }
} finally {
  server.close();
}
process.exit(failed > 0 ? 1 : 0);

function skip(reason, status = 0) {
  console.log(`browser: skipped (${reason})`);
  process.exit(status);
}

/** The numbers that every browser must find: wasm on one thread. */
async function inNode() {
  const load = (name) => import(`../packages/${name}/dist/index.js`);
  const lipsync = Object.assign(
    {},
    ...(await Promise.all(['avalignnet', 'nn', 'audio-mel', 'sync-windows', 'metrics', 'score', 'backends'].map(load))),
  );
  const tf = await import('@tensorflow/tfjs-core');
  await lipsync.selectBackend({ backend: 'wasm' });
  lipsync.registerGradients();
  return {
    training: await train(tf, lipsync),
    scoring: await score(tf, lipsync),
    pretrained: await embedPretrained(tf, lipsync),
  };
}

/** The script of a page, from the built packages. */
async function bundle(name) {
  const [{ contents }] = await build(name, {});
  console.log(`${name}: ${(contents.length / 2 ** 20).toFixed(1)} MiB of script`);
  return contents;
}

/** Scripts as for users: small, and in parts that are fetched when they are needed. By address. */
async function bundleSplit(name) {
  const files = await build(name, { splitting: true, minify: true, outdir: at('worker') });
  return Object.fromEntries(files.map(({ path, contents }) => [`/worker/${basename(path)}`, contents]));
}

async function build(name, options) {
  // esbuild comes with tsup, which builds the packages.
  const esbuild = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild');
  const { outputFiles } = await esbuild.build({
    entryPoints: [at(`tests/browser/${name}.mjs`)],
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    logLevel: 'error',
    tsconfigRaw: {}, // else the paths of tsconfig.json lead to the sources
    nodePaths: ['cli', 'backends', 'score']
      .map((own) => at(`packages/${own}/node_modules`))
      .concat(`${scratch}/node_modules`),
    ...options,
  });
  return outputFiles;
}

/** Serves the page with the headers that give it threads. */
async function serve(scripts) {
  const manifest = createRequire(at('packages/backends/package.json')).resolve(
    '@tensorflow/tfjs-backend-wasm/package.json',
  );
  const wasm = join(dirname(manifest), 'wasm-out');
  const server = createServer((request, response) => {
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
    const file = /^\/wasm\/([a-z-]+\.wasm)$/.exec(request.url)?.[1];
    const data = /^\/data\/([a-z.]+)$/.exec(request.url)?.[1];
    if (file && existsSync(join(wasm, file))) {
      response.setHeader('Content-Type', 'application/wasm');
      createReadStream(join(wasm, file)).pipe(response);
    } else if (data && existsSync(at(`packages/pretrained/data/${data}`))) {
      // Where the bundle, which esbuild leaves without files, looks for them.
      createReadStream(at(`packages/pretrained/data/${data}`)).pipe(response);
    } else if (assetPath(request.url)) {
      if (request.url.endsWith('.wasm')) response.setHeader('Content-Type', 'application/wasm');
      fetched.set(request.url, readFileSync(assetPath(request.url)));
      response.end(fetched.get(request.url));
    } else if (served.has(request.url)) {
      createReadStream(served.get(request.url)).pipe(response);
    } else if (scripts[request.url]) {
      response.setHeader('Content-Type', 'text/javascript');
      fetched.set(request.url, scripts[request.url]);
      response.end(scripts[request.url]);
    } else {
      const script = { '/': '/page.js', '/media': '/media-page.js', '/worker': '/worker-page.js' }[request.url];
      response.statusCode = script ? 200 : 404;
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><title>lipsync</title><script type="module" src="${script}"></script>`);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function assetPath(url) {
  const name = /^\/assets\/([\w.-]+)$/.exec(url)?.[1];
  return name && ASSETS.map((folder) => at(`packages/${folder}/${name}`)).find((path) => existsSync(path));
}

function launch() {
  return playwright.chromium.launch({ executablePath: chromium, headless: true, args: ['--no-sandbox'] });
}

async function workerInBrowser() {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    fetched.clear();
    await page.goto(`http://127.0.0.1:${server.address().port}/worker`);
    await page.waitForFunction(() => 'scoreInWorker' in window);
    const serveFile = (name, path) => {
      served.set(`/files/${name}`, path);
      return `/files/${name}`;
    };
    return await checkWorker({ browser, page, serve: serveFile, loaded: fetched });
  } finally {
    await browser.close();
  }
}

async function exampleInBrowser() {
  const browser = await launch();
  try {
    return await checkExample({ browser, limitMs: LIMIT_MS, pictures: values.pictures });
  } finally {
    await browser.close();
  }
}

async function mediaInBrowser() {
  const browser = await launch();
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.setDefaultTimeout(LIMIT_MS);
    await page.goto(`http://127.0.0.1:${server.address().port}/media`);
    await page
      .waitForFunction(() => 'media' in window, undefined, { timeout: 30_000 })
      .catch(() => {
        throw new Error(`the page did not start: ${errors.join('; ')}`);
      });
    const call = (name, ...args) => page.evaluate(([own, given]) => window.media[own](...given), [name, args]);
    return await compareMedia(call, (paths) => {
      for (const [name, path] of Object.entries(paths)) served.set(`/files/${name}`, path);
      return (name) => `/files/${name}`;
    });
  } finally {
    await browser.close();
  }
}

async function inBrowser({ backend, threads }) {
  const args = ['--no-sandbox', ...(backend === 'webgpu' ? ['--enable-unsafe-webgpu'] : [])];
  const browser = await playwright.chromium.launch({ executablePath: chromium, headless: true, args });
  try {
    const page = await browser.newPage();
    const errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    if (threads > 1) {
      await page.addInitScript(
        (count) => Object.defineProperty(navigator, 'hardwareConcurrency', { value: count, configurable: true }),
        2 * threads,
      );
    }
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page
      .waitForFunction(() => 'work' in window, undefined, { timeout: 30_000 })
      .catch(() => {
        throw new Error(`the page did not start: ${errors.join('; ')}`);
      });
    const late = new Promise((_, reject) =>
      setTimeout(reject, LIMIT_MS, new Error(`not done in ${LIMIT_MS / 1000} s: ${errors.join('; ')}`)).unref(),
    );
    const result = await Promise.race([
      page.evaluate(([name, count]) => window.work(name, count), [backend, threads]),
      late,
    ]);
    assert.equal(result.isolated, true, 'the page must be cross-origin isolated');
    assert.equal(result.threads, threads, `threads must be ${threads}, got ${result.threads}`);
    const leaked = [result.training.leaked, result.scoring.leaked, result.pretrained.leaked];
    assert.deepEqual(leaked, [0, 0, 0], 'tensors left behind');
    const training = largestDifference(result.training.losses, expected.training.losses);
    const scoring = largestDifference(result.scoring, expected.scoring, 0.01);
    assert.ok(training < 1e-4, `losses ${result.training.losses} must be those of Node, ${expected.training.losses}`);
    assert.ok(scoring < 1e-3, `scores must be those of Node to 1e-3, differ by ${scoring}`);
    const pretrained = differenceOf(result.pretrained.embeddings, expected.pretrained.embeddings);
    assert.equal(result.pretrained.weightsHash, expected.pretrained.weightsHash, 'the page must load the same weights');
    assert.ok(
      pretrained < 1e-3,
      `embeddings of the trained weights must be those of Node to 1e-3, differ by ${pretrained}`,
    );
    return `${result.reason}; losses within ${training.toExponential(1)}, scores within ${scoring.toExponential(1)}, embeddings of the trained weights within ${pretrained.toExponential(1)} of Node's`;
  } finally {
    await browser.close();
  }
}

/** Largest difference of numbers, which are parts of vectors of length 1. */
function differenceOf(a, b) {
  return a.length === b.length ? Math.max(...a.map((value, i) => Math.abs(value - b[i]))) : Infinity;
}
