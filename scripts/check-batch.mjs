/**
 * A batch of mixed videos, good ones and the fault matrix: killed with `kill -9`, its last line cut off, resumed by the same
 * line. Every video must have one line with the right status, nothing may be lost and nothing scored twice.
 *
 *     node scripts/check-batch.mjs [--files 200] [--jobs N] [--keep DIR]
 *
 * The fault matrix has about a hundred files, the rest are drawn faces whose audio is early, late or in sync: about ten minutes on two cores.
 * `scripts/check-faults.mjs` runs a small one.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { truncateSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeTalkingFace } from '../examples/embedded-data/dist/index.js';
import { LIPSYNC } from './built-command.mjs';
import { makeFaultyMedia } from './make-faulty-media.mjs';

/** Too short for `prepare`; `score` measures its few windows and says that they tell nothing. */
const SCORED_ALL_THE_SAME = 'audio-ends-early.mp4';

/** Whether a file of the fault matrix has to get a score. */
export const getsScore = ({ file, expect }) => expect.outcome === 'kept' || file === SCORED_ALL_THE_SAME;

/**
 * @param {string} folder of the videos.
 * @param {{ file: string, scored: boolean }[]} videos and whether each gets a score.
 * @returns {Promise<{ seconds: number, before: number, faults: string[] }>}
 */
export async function checkBatch(folder, videos, { jobs = 2 } = {}) {
  const [out, list] = [join(folder, '.results.ndjson'), join(folder, '.list')];
  await rm(out, { force: true });
  await writeFile(list, videos.map(({ file }) => join(folder, file)).join('\0'));
  const words = [LIPSYNC, 'score', '--list', list, '--out', out, '--jobs', `${jobs}`];
  const started = Date.now();
  await killAfter(words, out, Math.ceil(videos.length / 3));
  truncateSync(out, (await stat(out)).size - 10);
  const whole = (await linesOf(out)).length - 1; // without the one that is cut off
  const { status, stdout, stderr } = await runToEnd(words);
  const seconds = (Date.now() - started) / 1000;

  const faults = [];
  const check = (holds, text) => holds || faults.push(text);
  const expected = videos.some(({ scored }) => !scored) ? 1 : 0;
  check(status === expected, `the status must be ${expected}, got ${status}: ${stderr.slice(-500)}`);
  const before = Number(/^(\d+) of \d+ videos were scored before/m.exec(stderr)?.[1]);
  check(before === whole, `${whole} results must be taken from before, got ${before}`);
  const printed = stdout.split('\n');
  const results = new Map((await linesOf(out)).map((line) => [JSON.parse(line).file, JSON.parse(line)]));
  check(
    (await linesOf(out)).length === videos.length,
    `${videos.length} results must be kept, got ${(await linesOf(out)).length}`,
  );
  for (const { file, scored } of videos) {
    const path = join(folder, file);
    const own = printed.filter((line) => line.startsWith(`${path.replaceAll('\n', '\\n')}: `));
    check(own.length === 1, `${JSON.stringify(file)} must have one line, got ${JSON.stringify(own)}`);
    const result = results.get(path);
    check(result?.input !== undefined, `${JSON.stringify(file)} must be in the results with its size and hash`);
    check(
      result?.faces.length > 0 === scored && (scored || result?.problems.length > 0),
      `${JSON.stringify(file)} must have ${scored ? 'a' : 'no'} score, got ${own[0]}`,
    );
  }
  const summary = printed.find((line) => / videos: \d+ scored, /.test(line)) ?? '';
  const scored = videos.filter((video) => video.scored).length;
  check(
    summary.startsWith(`${videos.length} videos: ${scored} scored, `),
    `the summary must count ${scored}, got ${summary}`,
  );
  return { seconds, before, summary, faults };
}

const linesOf = async (path) => (await readFile(path, 'utf8')).split('\n').filter(Boolean);

/** Starts the command and kills it with SIGKILL, its parent process only, once so many results are kept. */
async function killAfter(words, out, count) {
  const child = spawn(process.execPath, words, { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', () => resolve(true)));
  for (;;) {
    const lines = await linesOf(out).catch(() => []);
    if (lines.length >= count) break;
    const done = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100, false))]);
    assert.equal(done, false, 'the batch must still run when it is killed');
  }
  child.kill('SIGKILL');
  await ended;
}

function runToEnd(words) {
  return new Promise((resolve) => {
    execFile(process.execPath, words, { maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
      resolve({ status: error ? error.code : 0, stdout, stderr }),
    );
  });
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const string = { type: 'string' };
  const { values } = parseArgs({ options: { files: { ...string, default: '200' }, jobs: string, keep: string } });
  const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'lipsync-batch-'));
  try {
    const faulty = await makeFaultyMedia(folder, { longSec: 0 });
    const videos = faulty.map((one) => ({ file: one.file, scored: getsScore(one) }));
    for (let index = 0; videos.length < Number(values.files); index++) {
      const file = `drawn-${index}.mp4`;
      const audioDelayFrames = (index % 9) - 4;
      await writeTalkingFace(join(folder, file), {
        seed: 100 + index,
        personSeed: index,
        durationSec: 3,
        audioDelayFrames,
      });
      videos.push({ file, scored: true });
    }
    const { seconds, before, summary, faults } = await checkBatch(folder, videos, { jobs: Number(values.jobs ?? 2) });
    for (const fault of faults) console.error(`batch: ${fault}`);
    console.log(`batch: ${videos.length} videos in ${seconds.toFixed(0)} s, killed after ${before}; ${summary}`);
    console.log(`batch: ${faults.length} faults`);
    process.exitCode = faults.length === 0 ? 0 : 1;
  } finally {
    if (!values.keep) await rm(folder, { recursive: true, force: true });
  }
}
