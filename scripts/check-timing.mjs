/**
 * Times of decoding, by construction: makes videos that change in the middle and decodes them with the built package.
 * Every frame and every tone burst must come at the time where it was put, to half a frame, and `checkMedia` must see
 * the change. Prints a table.
 *
 *     node scripts/check-timing.mjs [--only WORDS] [--keep DIR] [--maker FFMPEG]
 *
 * `FFMPEG_PATH` is the ffmpeg that decodes, `--maker` the one that makes the videos.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { checkMedia, joinWaveform, openMedia } from '../packages/media/dist/index.js';
import { BITS, BURST_SEC, burstHz, makeTimingVideo, timingMaker, timingVideos } from './make-timing-media.mjs';

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, keep: { type: 'string' }, maker: { type: 'string' } },
});

/** Half a frame at 25 frames a second. */
const LIMIT_SEC = 0.02;
const RATE = 16000;

/** The number in a frame's bars, whichever way they run; undefined where there is none. */
function numberOf({ data, width, height }) {
  const bars = Array.from({ length: BITS + 2 }, (_, bar) => (bar + 0.5) / (BITS + 2));
  const across = bars.map((share) => data[((height >> 1) * width + Math.floor(share * width)) * 3]);
  const down = bars.map((share) => data[(Math.floor(share * height) * width + (width >> 1)) * 3]);
  for (const levels of [across, across.toReversed(), down, down.toReversed()]) {
    const isClear = levels.every((level) => level < 100 || level > 155);
    if (!isClear || levels[0] < 155 || levels.at(-1) > 100) continue;
    return levels.slice(1, -1).reduce((sum, level, bit) => sum + (level > 127 ? 2 ** bit : 0), 0);
  }
  return undefined;
}

/** How far the frame that is shown is from the nearest one there is, at worst; and how many carry no number. */
async function frameErrors(frames, times) {
  let [worst, unread, count] = [0, 0, 0];
  for await (const frame of frames) {
    count++;
    const now = frame.index / frames.fps;
    const error = times[numberOf(frame)] - now;
    if (Number.isNaN(error)) unread++;
    const nearest = Math.min(
      ...times.map((time) => Math.abs(time - now)).filter((distance) => !Number.isNaN(distance)),
    );
    const excess = Math.abs(error) - nearest;
    if (excess > Math.abs(worst)) worst = Math.sign(error) * excess;
  }
  const wanted = Math.round((2 * times.at(-1) - times.at(-2)) * frames.fps);
  return { worst, unread, missing: Math.abs(wanted - count) };
}

/** How far a burst is from where it should be, at worst; and how many are not found within 1.4 s. */
function burstErrors({ samples }, times) {
  let [worst, missing] = [0, 0];
  for (const [index, time] of times.entries()) {
    if (Number.isNaN(time)) continue;
    const { at, share } = findTone(samples, burstHz(index), { from: time - 1.4, to: time + 1.4 });
    if (share < 0.3) missing++;
    else if (Math.abs(at - time) > Math.abs(worst)) worst = at - time;
  }
  return { worst, missing };
}

/** Where a burst of `hz` fits best, seconds, and its energy as a share of what it should be. */
function findTone(samples, hz, { from, to }) {
  const start = Math.max(0, Math.round(from * RATE));
  const length = Math.min(samples.length, Math.round(to * RATE)) - start;
  const burst = Math.round(BURST_SEC * RATE);
  // Demodulated, smoothed over 5 ms, and compared with the burst's envelope: inside minus 10 ms on both sides.
  const [smooth, side] = [80, 160];
  const [re, im, total] = [0, 0, 0].map(() => new Float64Array(length + 1));
  for (let n = 0; n < length; n++) {
    const angle = (2 * Math.PI * hz * (start + n)) / RATE;
    re[n + 1] = re[n] + samples[start + n] * Math.cos(angle);
    im[n + 1] = im[n] + samples[start + n] * Math.sin(angle);
  }
  for (let n = 0; n < length; n++) {
    const [a, b] = [Math.max(0, n - smooth / 2), Math.min(length, n + smooth / 2)];
    total[n + 1] = total[n] + Math.hypot(re[b] - re[a], im[b] - im[a]);
  }
  const sum = (a, b) => total[Math.min(length, b)] - total[Math.max(0, a)];
  let [best, at] = [Number.NEGATIVE_INFINITY, 0];
  for (let n = 0; n + burst <= length; n++) {
    const fit = sum(n, n + burst) - sum(n - side, n) - sum(n + burst, n + burst + side);
    if (fit > best) [best, at] = [fit, n];
  }
  return { at: (start + at) / RATE, share: best / (burst * smooth * 0.25) };
}

/** What one video gives, read stream by stream and both at once. */
async function measure(media, path, { frameTimes, bursts, changes }) {
  const frames = await frameErrors(media.frames(path), frameTimes);
  const audio = burstErrors(await joinWaveform(media.audio(path)), bursts);
  const both = await media.both(path);
  const again = [burstErrors(await joinWaveform(both.audio), bursts), await frameErrors(both.frames, frameTimes)];
  await both.release();
  const check = await checkMedia(path);
  const problems = check.problems.map(({ kind }) => kind);
  if (JSON.stringify(again) !== JSON.stringify([audio, frames])) problems.push('both streams at once differ');
  for (const stream of changes)
    if (!check.changes.some((change) => change.stream === stream)) problems.push(`no change of ${stream} is seen`);
  if (frames.unread > 0) problems.push(`${frames.unread} frames cannot be read`);
  if (frames.missing > 1) problems.push(`${frames.missing} frames too few or too many`);
  if (audio.missing > 0) problems.push(`${audio.missing} bursts are missing`);
  for (const { worst } of [frames, audio]) if (Math.abs(worst) > LIMIT_SEC) problems.push('beyond half a frame');
  return { frames: frames.worst, audio: audio.worst, problems, notes: check.notes };
}

const folder = values.keep ? resolve(values.keep) : await mkdtemp(join(tmpdir(), 'lipsync-timing-'));
const rows = new Map();
try {
  const waiting = timingVideos.filter(({ file }) => file.includes(values.only));
  const media = await openMedia({ log: () => {} });
  const work = async (_, worker) => {
    const parts = join(folder, `.parts-${worker}`);
    const maker = await timingMaker(parts, values.maker);
    for (let made = waiting.shift(); made; made = waiting.shift()) {
      const truth = await makeTimingVideo(maker, folder, made);
      const failed = (error) => ({ frames: Number.NaN, audio: Number.NaN, problems: [error.message], notes: [] });
      rows.set(made.file, await measure(media, join(folder, made.file), truth).catch(failed));
    }
    await rm(parts, { recursive: true });
  };
  await Promise.all([0, 1].map(work));
} finally {
  if (!values.keep) await rm(folder, { recursive: true, force: true });
}
const ms = (seconds) => `${(1000 * seconds).toFixed(1)} ms`.padStart(9);
for (const { file } of timingVideos.filter((made) => rows.has(made.file))) {
  const { frames, audio, problems, notes } = rows.get(file);
  console.log(`${file.padEnd(50)} frames ${ms(frames)}  audio ${ms(audio)}  ${[...problems, ...notes].join('; ')}`);
}
const failed = [...rows].filter(([, { problems }]) => problems.length > 0);
for (const [file, { problems }] of failed) console.error(`timing: ${file}: ${problems.join(', ')}`);
console.log(`timing: ${rows.size - failed.length} of ${rows.size} are right to half a frame`);
process.exit(failed.length === 0 && rows.size > 0 ? 0 : 1);
