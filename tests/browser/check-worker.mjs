/** Whether a worker scores a file without blocking its page, and what it loads for that; for scripts/check-browser.mjs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeTalkingFace } from '../../examples/embedded-data/dist/index.js';

const MOST_BLOCKED_MS = 100;
const MOST_SCRIPT_KB = 250;
const MOST_LOADED_MB = 12;
/** Frames; positive: the audio is early. */
const OFFSET = -4;

/**
 * Scores a drawn clip in a worker of a page.
 *
 * @param options.page an open page of `worker-page.mjs`. @param options.browser it is in, of Chromium.
 * @param options.serve makes a file available and returns its address.
 * @param options.loaded the bodies that the page and its worker fetched, by address, as they lie on the server.
 * @returns lines on what was measured.
 */
export async function checkWorker({ browser, page, serve, loaded }) {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-worker-'));
  try {
    const path = join(folder, 'face.mp4');
    await writeTalkingFace(path, { seed: 6, personSeed: 6, durationSec: 4, audioDelayFrames: -OFFSET });
    const url = serve('worker-face.mp4', path);
    await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
    const result = await page.evaluate(
      ([own, options]) => window.scoreInWorker(own, options),
      [url, { assetsUrl: '/assets' }],
    );
    const { traceEvents } = JSON.parse(await browser.stopTracing());
    assert.deepEqual(result.problems, []);
    assert.ok(
      Math.abs(result.faces[0].offsetFrames - OFFSET) <= 1,
      `offset ${OFFSET}, got ${result.faces[0].sentence}`,
    );
    const blockedMs = longestTask(traceEvents);
    assert.ok(blockedMs <= MOST_BLOCKED_MS, `the page may be blocked for ${MOST_BLOCKED_MS} ms, got ${blockedMs}`);
    return [
      `4 s scored in ${result.seconds.toFixed(1)} s: ${result.faces[0].sentence}`,
      `longest task of the page ${blockedMs.toFixed(0)} ms of its thread's time; ${result.frames} frames drawn meanwhile, the longest pause between two ${result.longest.toFixed(0)} ms`,
      weigh(loaded, url),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Longest task of the page's main thread, milliseconds of processor time: what else the machine does is not counted. */
function longestTask(events) {
  const mains = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = events.filter(
    ({ pid, tid, tdur, name }) => tdur > 0 && /RunTask$/.test(name) && mains.has(`${pid} ${tid}`),
  );
  assert.ok(tasks.length > 10, `the trace must have the page's tasks, got ${tasks.length}`);
  return Math.max(...tasks.map(({ tdur }) => tdur)) / 1000;
}

/** What was fetched: scripts as a server would compress them; the reader of video files is a chunk of its own. */
function weigh(loaded, video) {
  const sizes = { scorer: 0, reader: 0, data: 0 };
  for (const [url, bytes] of loaded) {
    if (url === video) continue;
    if (!url.endsWith('.js')) sizes.data += bytes.length;
    else sizes[/media-files/.test(url) ? 'reader' : 'scorer'] += gzipSync(bytes, { level: 9 }).length;
  }
  const [scorerKb, readerKb] = [sizes.scorer / 1000, sizes.reader / 1000];
  const allMb = (sizes.scorer + sizes.reader + sizes.data) / 1e6;
  assert.ok(scorerKb <= MOST_SCRIPT_KB, `the scorer may have ${MOST_SCRIPT_KB} KB gzipped, got ${scorerKb.toFixed(0)}`);
  assert.ok(readerKb > 0 && sizes.data > 8e6, 'the reader and the networks must have been fetched');
  assert.ok(allMb <= MOST_LOADED_MB, `all that is loaded may have ${MOST_LOADED_MB} MB, got ${allMb.toFixed(1)}`);
  return `loaded: scorer ${scorerKb.toFixed(0)} KB gzipped, reader of video files ${readerKb.toFixed(0)} KB, ${allMb.toFixed(2)} MB with networks and wasm`;
}
