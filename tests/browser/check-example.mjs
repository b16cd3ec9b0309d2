/** Whether the page of examples/browser works for a user; for scripts/check-browser.mjs. */
import assert from 'node:assert/strict';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { writeTalkingFace } from '../../examples/embedded-data/dist/index.js';

const root = fileURLToPath(new URL('../../examples/browser/', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };
/** Headers that isolate a page, which gives it threads. */
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
/** Frames by which the audio of the drawn clip is early. */
const OFFSET = 6;
const CLIP_SEC = 5;

/**
 * Builds the page, opens a clip with early audio in it, once more without a network, on a phone, in the dark, and from a server whose headers give
 * it threads.
 *
 * @param options.pictures folder for pictures of the page. Default: none are made.
 * @returns lines on what was seen.
 */
export async function checkExample({ browser, limitMs, pictures }) {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-example-'));
  let server;
  try {
    const clip = join(folder, 'early.mp4');
    await writeTalkingFace(clip, {
      seed: 4,
      personSeed: 9,
      durationSec: CLIP_SEC,
      audioDelayFrames: -OFFSET,
      size: 320,
    });
    const site = join(folder, 'site');
    const { build } = await import(pathToFileURL(createRequire(join(root, 'package.json')).resolve('vite')).href);
    await build({ root, logLevel: 'warn', build: { outDir: site, emptyOutDir: true } });
    server = await serveFolder(site, {});
    const address = `http://127.0.0.1:${server.address().port}/`;
    if (pictures) mkdirSync(pictures, { recursive: true });
    const visit = { clip, limitMs, pictures };
    const lines = [`built, ${readdirSync(join(site, 'assets')).length} files`];
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
    lines.push(await use(await context.newPage(), address, { ...visit, name: 'desktop' }));
    server.close();
    server.closeAllConnections();
    lines.push(`without a network: ${await use(await context.newPage(), address, { ...visit, name: 'offline' })}`);
    server = await serveFolder(site, ISOLATED);
    lines.push(`with threads: ${await startThreaded(browser, `http://127.0.0.1:${server.address().port}/`, limitMs)}`);
    return lines;
  } finally {
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The page must become ready where it may start threads, from its minified code; what it says of its backend. */
async function startThreaded(browser, address, limitMs) {
  const page = await (await browser.newContext()).newPage();
  const errors = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.goto(address);
  await page
    .waitForFunction(() => document.body.dataset.ready, undefined, { timeout: Math.min(limitMs, 120_000) })
    .catch(() => assert.fail(`the page must become ready with threads, got ${errors.join('; ') || 'no error'}`));
  assert.equal(await page.evaluate(() => crossOriginIsolated), true, 'the page must be cross-origin isolated');
  assert.deepEqual(errors, [], 'no error may be thrown');
  return page.evaluate(() => document.body.dataset.ready);
}

/** Opens the page and a clip by the keyboard alone; what it says. */
async function use(page, address, { clip, limitMs, pictures, name }) {
  const errors = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.setDefaultTimeout(limitMs);
  // Listened for from the start: a dialog that opens before the browser knows of the listener is never told of.
  const chosen = page.waitForEvent('filechooser');
  chosen.catch(() => {}); // where the page fails before
  const picture = async (what) =>
    pictures && page.screenshot({ path: join(pictures, `${name}-${what}.png`), fullPage: true });
  try {
    await page.goto(address);
    await page.waitForFunction(() => document.body.dataset.ready);
    await picture('start');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'file', 'the first stop of the keyboard');
    await page.keyboard.press('Enter');
    await (await chosen).setFiles(clip);
    await page.waitForFunction(
      () => document.body.dataset.done || document.querySelector('#verdict').textContent === 'That did not work',
    );
    const said = await page.evaluate(() => ({
      verdict: document.querySelector('#verdict').textContent,
      status: document.querySelector('#status').textContent,
      offset: document.querySelector('#offset').textContent,
      confidence: document.querySelector('#confidence').textContent,
      dots: document.querySelectorAll('#chart .dot').length,
      first: document.body.dataset.first,
    }));
    assert.match(said.verdict, /^Audio is \d frames? \(\d+ ms\) early$/, said.status);
    const milliseconds = Number(said.offset.replace('+', '').replace(' ms', ''));
    assert.ok(Math.abs(milliseconds - 40 * OFFSET) <= 40, `${40 * OFFSET} ms, got ${said.offset}`);
    assert.ok(said.dots >= 1, 'the drawing over time must have a dot');
    const painted = await page.evaluate(() => {
      const canvas = document.querySelector('#mouth');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data).size;
    });
    assert.ok(painted > 20, 'the mouth must be shown');
    await page.evaluate(() => (document.querySelector('video').currentTime = 2));
    await page.waitForTimeout(500);
    await picture('done');
    await checkPhone(page);
    if (pictures) await otherLooks(page, pictures, name);
    await page.waitForFunction(() => navigator.serviceWorker.ready.then(() => true));
    assert.deepEqual(errors, [], 'no error may be thrown');
    return `${said.verdict} (${said.offset}, confidence ${said.confidence}); first result after ${said.first} s; ${said.status}`;
  } catch (error) {
    throw new Error(`${error.message}${errors.length > 0 ? `; the page: ${errors.join('; ')}` : ''}`, { cause: error });
  }
}

/** On a phone nothing may stand out of the window. */
async function checkPhone(page) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 360, `the page must fit a window 360 pixels wide, got ${width}`);
  await page.setViewportSize(size);
}

/** Pictures of the same in the dark, and on a phone. */
async function otherLooks(page, pictures, name) {
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(pictures, `${name}-dark.png`), fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForTimeout(300);
  await page.screenshot({ path: join(pictures, `${name}-phone-dark.png`), fullPage: true });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.screenshot({ path: join(pictures, `${name}-phone.png`), fullPage: true });
}

async function serveFolder(folder, headers) {
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const path = join(folder, request.url === '/' ? 'index.html' : decodeURIComponent(request.url.split('?')[0]));
    if (!path.startsWith(folder) || !existsSync(path) || !statSync(path).isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader('Content-Type', TYPES[extname(path)] ?? 'application/octet-stream');
    createReadStream(path).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
