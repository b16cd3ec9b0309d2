import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTalkingFace } from '@lipsync/embedded-data';
import { findFfmpeg, joinWaveform, openMedia, shiftAudio } from '@lipsync/media';
import type { VideoScore } from '@lipsync/score';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ffmpegLine } from './ffmpeg-line';
import { assertFixPath, fixVideo } from './fix-video';

let folder: string;
let video: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fix-video-'));
  video = join(folder, "it's late.mp4");
  await writeTalkingFace(video, { seed: 3, personSeed: 2, durationSec: 3 });
}, 120_000);
afterAll(() => rm(folder, { recursive: true }));

const scoreOf = (file: string, offsetFrames: number | null) =>
  ({
    ...{ file, problems: [], fps: 25 },
    faces: [
      {
        track: 0,
        place: null,
        sentence: `offset ${offsetFrames}`,
        verdict: {
          offsetFrames,
          offsetSec: offsetFrames === null ? null : offsetFrames / 25,
          confidence: 0.99,
          drift: null,
        },
      },
    ],
  }) as unknown as VideoScore;

async function fix(out: string, before: number | null, after: number | null) {
  const lines: string[] = [];
  const done = await fixVideo(out, {
    ...{ score: scoreOf(video, before), reading: {}, reader: await openMedia({ log: () => {} }) },
    rescore: async (file) => scoreOf(file, after),
    log: (line) => lines.push(line),
  });
  const names = await readdir(folder);
  return { done, log: lines.join('\n'), left: names.filter((name) => name.startsWith('.lipsync')) };
}

/** By how many samples the audio of `b` lags that of `a`, from their best correlation within 20 ms of a lag. */
async function lag(a: string, b: string, about = 0): Promise<number> {
  const media = await openMedia({ log: () => {} });
  const [x, y] = [await joinWaveform(media.audio(a)), await joinWaveform(media.audio(b))];
  let [best, most] = [0, 0];
  for (let shift = about - 320; shift <= about + 320; shift += 4) {
    let sum = 0;
    for (let i = 12000; i < 36000; i += 3) sum += x.samples[i] * (y.samples[i + shift] ?? 0);
    if (sum > most) [best, most] = [shift, sum];
  }
  return best;
}

test('fixVideo writes the video with its audio shifted, once the copy proves to be in sync; frames are copied', async () => {
  const out = join(folder, 'fixed.mp4');
  const { done, log, left } = await fix(out, 5, 1);
  expect([done, left]).toEqual([true, []]);
  expect(log).toContain('--fix: delays the audio by 200 ms; by ffmpeg alone:\n  ffmpeg -i ');
  expect(log).toContain('fixed.mp4: measured again: offset 1');
  expect(Math.abs((await lag(video, out, 3200)) - 3200)).toBeLessThanOrEqual(16); // a millisecond
  const media = await openMedia({ log: () => {} });
  const codec = async (file: string) => (await media.probe(file)).video?.codec;
  expect(await codec(out)).toBe(await codec(video));
}, 60_000);

test('fixVideo keeps nothing that is not in sync when it is measured again', async () => {
  const out = join(folder, 'not-fixed.mp4');
  expect(await fix(out, 5, 2)).toMatchObject({
    ...{ done: false, left: [] },
    log: expect.stringContaining('nothing was written: measured again, the audio is still 2 frames off'),
  });
  expect(await stat(out).catch(() => undefined)).toBeUndefined();
}, 60_000);

test('fixVideo writes nothing for a video that is in sync, and for one that cannot be told', async () => {
  const out = join(folder, 'none.mp4');
  expect(await fix(out, 0, 0)).toMatchObject({ done: true, log: expect.stringContaining('is in sync') });
  expect(await fix(out, null, 0)).toMatchObject({ done: false, log: '--fix: nothing was written: offset null' });
  expect(await stat(out).catch(() => undefined)).toBeUndefined();
});

test.each([0.2, -0.12])(
  'the line of ffmpeg shifts the audio by %d s, as shiftAudio does',
  async (shiftSec) => {
    const [own, ours] = [join(folder, `line${shiftSec}.mp4`), join(folder, `shift${shiftSec}.mp4`)];
    const line = ffmpegLine(video, own, { shiftSec }).replace(/^ffmpeg/, '"$FFMPEG" -v error');
    const { path } = await findFfmpeg();
    execFileSync('sh', ['-c', line], { env: { ...process.env, FFMPEG: path } });
    await shiftAudio(video, ours, { seconds: shiftSec });
    expect(Math.abs((await lag(video, own, 16000 * shiftSec)) - 16000 * shiftSec)).toBeLessThanOrEqual(16);
    expect(Math.abs(await lag(own, ours))).toBeLessThanOrEqual(16);
  },
  60_000,
);

test('--fix refuses several videos, the input, a file that exists, and what is no video', async () => {
  const wrong = async (out: string, videos: string[], message: string) =>
    expect(assertFixPath(out, { files: videos, single: videos.length === 1 })).rejects.toThrow(message);
  await wrong('out.mp4', ['a.mp4', 'b.mp4'], '--fix must have one VIDEO, named by itself, got 2');
  await wrong(video, [video], '--fix must be another file than VIDEO');
  await wrong(join(folder, '../', folder.split('/').at(-1)!, "it's late.mp4"), [video], 'another file than VIDEO');
  await wrong(video, ['other.mp4'], '--fix must be a new file');
  await wrong('out.avi', [video], '--fix must end in .mp4, .m4v, .mov, .mkv, got out.avi');
  await wrong('/no/such/folder/out.mp4', [video], '--fix must be in a folder that exists');
});
