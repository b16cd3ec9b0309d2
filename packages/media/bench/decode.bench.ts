/**
 * Pictures a second out of `frames`, and seconds of sound a second out of `audio`, for films of three sizes made here.
 *
 * From the repository's root, with films of your own behind it if you like:
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
  const films = process.argv.slice(2);
  if (films.length === 0) {
    for (const size of ['256x256', '512x512', '1080x1920']) {
      const film = join(folder, `${size}.mp4`);
      const sources = ['-f', 'lavfi', '-t', '10', '-i', `testsrc2=s=${size}:r=25`, '-f', 'lavfi', '-t', '10', '-i', 'sine=r=44100'];
      execFileSync(media.ffmpeg.path, ['-v', 'error', ...sources, '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', film]);
      films.push(film);
    }
  }
  for (const film of films) {
    const { video } = await media.probe(film);
    let start = performance.now();
    let frames = 0;
    for await (const _frame of media.frames(film)) frames++;
    const pictureSeconds = (performance.now() - start) / 1000;
    start = performance.now();
    let samples = 0;
    for await (const { samples: piece } of media.audio(film)) samples += piece.length;
    const soundSeconds = (performance.now() - start) / 1000;
    const rate = (frames / pictureSeconds).toFixed(0);
    const size = `${video?.width} x ${video?.height}`;
    console.log(`${size}: ${frames} pictures at ${rate} a second; ${(samples / 16000).toFixed(1)} s of sound in ${(soundSeconds * 1000).toFixed(0)} ms`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
