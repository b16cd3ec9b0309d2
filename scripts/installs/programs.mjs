/** What the tried applications hold: a video, and programs that score it. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

/** The packages that the README of @lipsync/score tells to install. */
export const SCORE_PACKAGES = ['@lipsync/score', '@lipsync/media', '@lipsync/backends', '@tensorflow/tfjs-core@4.22.0'];

/** What npm is called with when an application is tried. */
export const NPM_FLAGS = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];

export const CLIP = 'talk.mp4';

/** Scores the video and prints the result as its last line; the path of the video is given where it is no file. */
export const SCORE_PROGRAM = `import { scoreVideo } from '@lipsync/score';
const { faces } = await scoreVideo('${CLIP}');
console.log(JSON.stringify({ sentence: faces[0].sentence, lseD: faces[0].lseD }));
`;

/** A worker of a page: takes a File, answers with its score or with the error. */
export const SCORE_WORKER = `import { scoreVideo } from '@lipsync/score';
self.onmessage = async ({ data }) => {
  try {
    const { faces } = await scoreVideo(data);
    self.postMessage(JSON.stringify({ sentence: faces[0].sentence, lseD: faces[0].lseD }));
  } catch (error) {
    self.postMessage(String(error.stack ?? error));
  }
};
`;

/** Draws the video: a talking face of four seconds, in sync. */
export async function drawClip(path) {
  const { writeTalkingFace } = await import(
    new URL('../../examples/embedded-data/dist/index.js', import.meta.url).href
  );
  await writeTalkingFace(path, { seed: 1, personSeed: 1, durationSec: 4 });
}

/** An empty application with the video in it. @param files their texts, by name. */
export async function makeApplication(folder, { npmrc, clip }, files = {}) {
  await mkdir(folder, { recursive: true });
  await copyFile(clip, join(folder, CLIP));
  const texts = { '.npmrc': npmrc, 'package.json': '{ "private": true, "type": "module" }\n', ...files };
  for (const [name, text] of Object.entries(texts)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** What the applications need of this machine beside npm packages: ffmpeg, here the workspace's own where there is no other. */
export function withFfmpeg() {
  const onPath = (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'ffmpeg')));
  if (process.env.FFMPEG_PATH || onPath) return {};
  return { FFMPEG_PATH: createRequire(import.meta.url)('@ffmpeg-installer/ffmpeg').path };
}

/** The score in the last line of an output. @throws Error where there is none. */
export function scoreIn(output) {
  const line = output.trim().split('\n').at(-1);
  try {
    const { sentence, lseD } = JSON.parse(line);
    if (sentence && lseD > 0) return { sentence, lseD };
  } catch {
    // said below
  }
  throw new Error(`the last line must be a score, got ${output.slice(-1000)}`);
}
