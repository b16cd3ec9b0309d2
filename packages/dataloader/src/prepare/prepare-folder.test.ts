import '@tensorflow/tfjs-backend-cpu';
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeSafetensors } from '@lipsync/checkpoints';
import { encodeVideo, findFfmpeg } from '@lipsync/media';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { facePoints, HEIGHT, madeAudio, WIDTH } from '../../../sync-windows/src/testing/made-video';
import { ClipStore } from '../store/clip-store';
import { hashFile } from '../store/hash-file';
import { recipe, similarity, temporaryFolder } from '../testing/made-clips';
import { GENERAL, PREPARATIONS } from './preparation';
import { type PrepareEvent, prepareFolder } from './prepare-folder';
import type { PrepareFolderOptions } from './preparer';

/** Processes run the built program: `npm test` builds before. */
const built = existsSync(new URL('../../dist/prepare-program.js', import.meta.url));
const ffmpeg = await findFfmpeg({ log: () => undefined }).catch(() => undefined);
const SKIPPED = `${built ? '' : ' (skipped: not built)'}${ffmpeg ? '' : ' (skipped: no ffmpeg here)'}`;
const encoded = test.skipIf(!ffmpeg);

const SOURCES = ['a.mp4', 'b.mp4', 'sub/c.mp4'];
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => {
  await tf.setBackend('cpu');
  ({ folder, remove } = await temporaryFolder());
  if (!ffmpeg) return;
  await mkdir(join(folder, 'in/sub'), { recursive: true });
  const frames = Array.from({ length: 30 }, () => [...facePoints(60)]);
  for (const [index, source] of SOURCES.entries()) {
    const path = join(folder, 'in', source);
    const audio = { samples: madeAudio(30 * 640), sampleRate: 16000 };
    const writer = encodeVideo(path, { width: WIDTH, height: HEIGHT, fps: 25, audio });
    for (let f = 0; f < 30; f++) await writer.write(new Uint8Array(WIDTH * HEIGHT * 3).fill(40 * index + f));
    await writer.finish();
    // The last one has no face.
    const shown = source === 'sub/c.mp4' ? frames.map(() => null) : frames;
    await writeFile(`${path}.landmarks.json`, JSON.stringify({ scheme: 'ibug68', frames: shown }));
  }
});
afterAll(() => remove());

const options = (store: string, more: Partial<PrepareFolderOptions> = {}): PrepareFolderOptions => ({
  input: join(folder, 'in'),
  store: join(folder, store),
  recipe: { ...recipe, crop: similarity(1.18, 8), featureSteps: 16 },
  identify: false,
  ...more,
});

async function run(given: PrepareFolderOptions): Promise<PrepareEvent[]> {
  const events: PrepareEvent[] = [];
  for await (const event of prepareFolder(given)) events.push(event);
  return events;
}

async function content(store: string): Promise<Record<string, string>> {
  const root = join(folder, store);
  const entries = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => [path.slice(root.length), await hashFile(path)])),
  );
}

encoded(
  `a folder becomes a store, a video without a face is dropped, and a second run has nothing to do${SKIPPED}`,
  async () => {
    const people = { 'a.mp4': 'Ann', 'b.mp4': 'Bea' };
    const events = await run(options('one', { people, validationShare: 0.5 }));
    expect(events.map(({ kind }) => kind)).toEqual(['start', 'video', 'video', 'video', 'done']);
    expect(events[0]).toEqual({ kind: 'start', videos: 3, alreadyDone: 0, layout: 'flat' });
    const last = events.at(-1) as Extract<PrepareEvent, { kind: 'done' }>;
    expect(last.summary).toMatchObject({ sources: 3, clips: 2, frameCount: 60, dropped: { 'no face': 1 } });
    expect(last.split).toMatchObject({ by: 'label', clips: { 'a.mp4.t0.s0': { identity: 'Ann' } } });
    const again = await run(options('one', { people, validationShare: 0.5 }));
    expect(again.map(({ kind }) => kind)).toEqual(['start', 'done']);
  },
);

test.skipIf(!built || !ffmpeg)(`two processes make the same bytes as one, shards as the whole${SKIPPED}`, async () => {
  await run(options('alone'));
  const events = await run(options('two', { jobs: 2 }));
  expect(events.filter(({ kind }) => kind === 'video')).toHaveLength(3);
  expect(await content('two')).toEqual(await content('alone'));
  for (const index of [0, 1]) await run(options('shards', { shard: { index, count: 2 } }));
  const { '/manifest.json': manifest, ...alone } = await content('alone');
  expect(manifest).toBeDefined();
  expect(await content('shards')).toEqual(alone); // the manifest is left to mergeStores
});

test.skipIf(!built || !ffmpeg)(
  `an error in a process reaches the caller with the video's message${SKIPPED}`,
  async () => {
    await writeFile(join(folder, 'no.safetensors'), encodeSafetensors(new Map()));
    await expect(run(options('broken', { jobs: 2, expert: join(folder, 'no.safetensors') }))).rejects.toThrow(
      `prepareFolder: expert must be the weights of a sync network, with expertRecipe or expertConfig where the file does not say how its input is made, got ${join(folder, 'no.safetensors')}: `,
    );
  },
);

encoded(`what cannot be prepared is refused before any video is read${SKIPPED}`, async () => {
  await expect(run(options('x', { preparation: { ...GENERAL, maxOffset: -1 } }))).rejects.toThrow(
    'prepareFolder: preparation.maxOffset must be >=0, got -1',
  );
  await expect(run(options('x', { expertRecipe: recipe }))).rejects.toThrow(
    'prepareFolder: expertRecipe must be left out where expert is',
  );
  await expect(run(options('x', { preparation: PREPARATIONS['thesis-hdtf'] }))).rejects.toThrow(
    "prepareFolder: recipe.crop.kind must be 'dinet' where the preparation stores DINet's face images",
  );
  await run(options('made'));
  await expect(run(options('made', { identify: true }))).rejects.toThrow(
    'ClipStore.create: store must be prepared as before (settings.identify false), got settings.identify true',
  );
});

encoded(`the thesis's preparation stores DINet's face images${SKIPPED}`, async () => {
  const crop = { kind: 'dinet', size: 64, upright: 'median of five', sampling: 'half pixel' } as const;
  const preparation = PREPARATIONS['thesis-hdtf'];
  await run(options('thesis', { recipe: { ...recipe, crop, featureSteps: 16 }, preparation }));
  expect((await ClipStore.open(join(folder, 'thesis'))).recipe.crop).toEqual({ kind: 'dinet head', mouth: 64 });
});
