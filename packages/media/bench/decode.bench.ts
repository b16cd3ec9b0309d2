/**
 * Frames a second out of `frames`, and seconds of audio a second out of `audio`, for videos of three sizes made here;
 * and how long a clip of 1.2 s takes as probe, audio and frames, and as `both`.
 *
 * From the repository's root, with videos of your own behind it if you like:
 * `npx tsup packages/media/bench/decode.bench.ts --no-config --format esm -d packages/media/node_modules/.bench`, then
 * `node packages/media/node_modules/.bench/decode.bench.js`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMedia } from '../src/index';

const media = await openMedia();
console.log(`${media.ffmpeg.path} (${media.ffmpeg.source}) ${media.ffmpeg.version}`);
const folder = mkdtempSync(join(tmpdir(), 'lipsync-media-bench-'));
try {
  const videos = process.argv.slice(2);
  if (videos.length === 0) {
    for (const size of ['256x256', '512x512', '1080x1920']) {
      const video = join(folder, `${size}.mp4`);
      const sources = [
        '-f',
        'lavfi',
        '-t',
        '10',
        '-i',
        `testsrc2=s=${size}:r=25`,
        '-f',
        'lavfi',
        '-t',
        '10',
        '-i',
        'sine=r=44100',
      ];
      execFileSync(media.ffmpeg.path, [
        '-v',
        'error',
        ...sources,
        '-c:v',
        'libx264',
        '-preset',
        'ultrafast',
        '-pix_fmt',
        'yuv420p',
        '-c:a',
        'aac',
        video,
      ]);
      videos.push(video);
    }
  }
  for (const film of videos) {
    const { video } = await media.probe(film);
    let start = performance.now();
    let frameCount = 0;
    for await (const _frame of media.frames(film)) frameCount++;
    const frameSeconds = (performance.now() - start) / 1000;
    start = performance.now();
    let samples = 0;
    for await (const { samples: piece } of media.audio(film)) samples += piece.length;
    const audioSeconds = (performance.now() - start) / 1000;
    const rate = (frameCount / frameSeconds).toFixed(0);
    const size = `${video?.width} x ${video?.height}`;
    console.log(
      `${size}: ${frameCount} frames at ${rate} a second; ${(samples / 16000).toFixed(1)} s of audio in ${(audioSeconds * 1000).toFixed(0)} ms`,
    );
  }
  const clip = join(folder, 'clip.mp4');
  const second = [
    '-f',
    'lavfi',
    '-t',
    '1.2',
    '-i',
    'testsrc2=s=256x256:r=25',
    '-f',
    'lavfi',
    '-t',
    '1.2',
    '-i',
    'sine=r=44100',
  ];
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  execFileSync(media.ffmpeg.path, ['-v', 'error', ...second, ...codecs, clip]);
  const drain = async (stream: AsyncIterable<unknown>) => {
    for await (const _piece of stream);
  };
  const ways = {
    separately: async () => {
      const reader = await openMedia(); // one that has not seen the clip
      await reader.probe(clip);
      await drain(reader.audio(clip));
      await drain(reader.frames(clip));
    },
    'in one run': async () => {
      const video = await (await openMedia()).both(clip);
      await drain(video.audio);
      await drain(video.frames);
      await video.release();
    },
  };
  for (const [name, read] of Object.entries(ways)) {
    await read();
    const start = performance.now();
    for (let index = 0; index < 20; index++) await read();
    console.log(`a clip of 1.2 s ${name}: ${((performance.now() - start) / 20).toFixed(0)} ms`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
