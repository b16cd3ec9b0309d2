/** Whether a browser reads and scores files as Node does; for scripts/check-browser.mjs. Runs in Node. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMedia } from '../../packages/media/dist/index.js';
import { scoreVideo } from '../../packages/score/dist/index.js';
import { makeMediaFiles } from './media-files.mjs';
import { readMedia } from './read-media.mjs';

/** Largest difference of the mean colour of a cell, of 255. Measured: 0 with ffmpeg 4.1 on x86, whose arithmetic the page has. */
const MOST_COLOUR = 2;
/** Samples of 16 kHz by which audio may be off: 1 in mp4; in WebM ffmpeg and browsers place the first packet differently. */
const MOST_LAG = { mp4: 1, webm: 112, mkv: 112 };
/** Measured: 6e-8 with H.264 and AAC, 3.4e-4 with VP8 and Opus, whose audio begins 5 ms earlier than in ffmpeg. */
const MOST_LSE_D = 0.003;

/**
 * Reads and scores all files that the browser decodes.
 *
 * @param media calls a function of `window.media` of the page, by name.
 * @param serve makes files available, by name, and gives their addresses.
 * @returns lines on what was compared.
 */
export async function compareMedia(media, serve) {
  const folder = mkdtempSync(join(tmpdir(), 'lipsync-browser-'));
  const lines = [];
  try {
    const files = await makeMediaFiles(folder);
    const reader = await openMedia({ log: () => undefined });
    const urlOf = serve(Object.fromEntries(Object.entries(files).map(([name, { path }]) => [name, path])));
    for (const [name, { path, codecs }] of Object.entries(files)) {
      if (codecs.length === 0) {
        const refusal = await media('refusal', urlOf(name));
        assert.match(refusal, /^decoder: .*this browser does not decode video in mp4v/, name);
        const { faces, problems } = await media('score', urlOf(name), OPTIONS);
        assert.deepEqual([faces.length, problems.length], [0, 1], name);
        assert.match(problems[0], /^decoder failed: this browser does not decode video in mp4v/, name);
        lines.push(`${name}: refused, "${problems[0]}"`);
      } else if (!(await media('decodes', codecs))) {
        lines.push(`${name}: skipped (this browser does not decode ${codecs.join(' and ')})`);
      } else if (name.startsWith('face')) {
        lines.push(`${name}: ${compareScores(await media('score', urlOf(name), OPTIONS), await scoreInNode(path))}`);
      } else {
        const kind = name.split('.').at(-1);
        lines.push(`${name}: ${compareReads(await media('read', urlOf(name)), await readMedia(reader, path), kind)}`);
      }
    }
    const any = (await media('decodes', files['plain.webm'].codecs)) ? 'plain.webm' : 'plain.mp4';
    const infos = await media('inputs', urlOf(any));
    assert.equal(new Set(infos).size, 1, `every kind of input must give the same description, got ${infos.join(' ')}`);
    const aborted = await media('abort', urlOf(any));
    assert.deepEqual(aborted, { count: 3, message: 'enough' }, 'an abort must end an iteration with its reason');
    lines.push(`${any}: the same from path, URL, File, bytes and stream; ends when aborted`);
    return lines;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The page's bundler, esbuild, copies no files. */
const OPTIONS = { assetsUrl: '/assets' };

const scoreInNode = (path) => scoreVideo(path, { engine: 'tfjs', log: () => undefined });

function compareScores({ faces: [got], problems }, { faces: [expected] }) {
  assert.ok(got, `the page must find the face, got ${problems}`);
  assert.equal(got.offsetFrames, expected.offsetFrames, 'the offset must be that of Node');
  const difference = Math.abs(got.lseD - expected.lseD);
  assert.ok(difference < MOST_LSE_D, `LSE-D must be that of Node, ${expected.lseD}, got ${got.lseD}`);
  return `offset ${got.offsetFrames} as in Node, LSE-D within ${difference.toExponential(1)}; ${got.sentence}`;
}

function compareReads(got, expected, kind) {
  const { width, height, rotation } = expected.info.video;
  const size = (info) => [info.video.width, info.video.height, info.video.rotation];
  assert.deepEqual(size(got.info), [width, height, rotation], 'size and rotation must be those of Node');
  // By its version, ffmpeg ends a video whose rate is not 25 half a frame earlier or later.
  assert.ok(Math.abs(got.frames.length - expected.frames.length) <= 1, `frames ${got.frames.length}`);
  const colour = Math.max(differenceOf(got.frames, expected.frames), differenceOf(got.parts, expected.parts));
  assert.ok(colour <= MOST_COLOUR, `frames must be those of Node, differ by ${colour} of 255`);
  assert.deepEqual(got.small[0].slice(0, 2), expected.small[0].slice(0, 2), 'sizes of smaller frames');
  const lag = lagOf(got.audio, expected.audio);
  assert.ok(Math.abs(lag) <= MOST_LAG[kind], `audio must be where Node's is, got ${lag} samples later`);
  return `${got.frames.length} frames within ${colour} of 255, audio ${lag} samples later than Node's`;
}

/** Largest difference of cells of frames. */
function differenceOf(a, b) {
  let most = 0;
  for (let i = 0; i < Math.min(a.length, b.length); i++)
    for (const [j, value] of a[i].entries()) most = Math.max(most, Math.abs(value - b[i][j]));
  return most;
}

/** By how many samples `a` is later than `b`: where two seconds of them fit best. */
function lagOf(a, b) {
  const [from, to, most] = [4000, 36000, 160];
  let best = { error: Infinity, lag: 0 };
  for (let lag = -most; lag <= most; lag++) {
    let error = 0;
    for (let i = from; i < to; i++) error += (a[i + lag] - b[i]) ** 2;
    if (error < best.error) best = { error, lag };
  }
  return best.lag;
}
