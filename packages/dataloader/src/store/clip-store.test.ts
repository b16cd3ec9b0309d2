import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { madeClip, madeStore, similarity, storeRecipe, temporaryFolder } from '../testing/made-clips';
import { ClipStore } from './clip-store';
import { hashFile } from './hash-file';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(() => remove());

/** Every file of a folder with its content. */
async function content(): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = names.map((entry) => `${entry.parentPath}/${entry.name}`).sort();
  return Object.fromEntries(await Promise.all(files.map(async (path) => [path, await hashFile(path)])));
}

test('a clip that was written is read, listed and found', async () => {
  const store = await madeStore(folder, [6]);
  const deep = madeClip('sub/folder/a.b.mp4.t1.s0', 8, 5);
  await store.write(deep);
  const again = await ClipStore.open(folder);
  expect(await again.list()).toEqual(['c0.mp4.t0.s0', 'sub/folder/a.b.mp4.t1.s0']);
  const { frames, ...rest } = await again.read(deep.id);
  expect(Buffer.compare(frames, deep.frames)).toBe(0);
  expect({ ...rest, frames: deep.frames }).toEqual(deep);
  expect(await again.has(deep.id)).toBe(true);
  expect(await again.has('sub/folder/a.b.mp4.t1.s1')).toBe(false);
  expect((await again.info(deep.id)).frameCount).toBe(8);
});

test('the cache stays within its bytes, and a rewritten clip is read again', async () => {
  const store = await madeStore(folder, [6, 6], 18_000); // one clip takes about 14,000 bytes
  const first = await store.open('c0.mp4.t0.s0');
  expect(await store.open('c0.mp4.t0.s0')).toBe(first);
  await store.open('c1.mp4.t0.s0');
  expect(await store.open('c0.mp4.t0.s0')).not.toBe(first);
  await store.write(madeClip('c0.mp4.t0.s0', 6, 99));
  expect((await store.read('c0.mp4.t0.s0')).frames[0]).toBe(99);
});

test('files left behind half-written are ignored', async () => {
  const store = await madeStore(folder, [6]);
  await writeFile(`${folder}/clips/c0.mp4.t0.s0.safetensors.77-0.tmp`, 'half');
  await mkdir(`${folder}/dropped`);
  await writeFile(`${folder}/dropped/x.mp4.video.json.77-1.tmp`, '{');
  expect(await store.list()).toEqual(['c0.mp4.t0.s0']);
  expect(await store.summary()).toEqual({ sources: 0, clips: 1, frameCount: 6, minutes: 0.004, dropped: {} });
});

test('finish counts clips, drops and minutes, and a resumed preparation ends in the same bytes', async () => {
  const fill = async (store: ClipStore, from: number) => {
    for (const name of ['b.mp4', 'a.mp4', 'c.mp4'].slice(from)) {
      await store.write(madeClip(`${name}.t0.s0`, 25));
      await store.finishSource({ source: name, clips: [`${name}.t0.s0`], dropped: [] });
    }
    await store.drop({ source: 'x.mp4', reason: 'no face', detail: 'no face in 30 frames' });
    await store.drop({ source: 'a.mp4', track: 1, reason: 'too short', detail: '3 frames' });
    return store.finish();
  };
  const counts = await fill(await ClipStore.create(folder, storeRecipe), 0);
  expect(counts).toEqual({
    sources: 3,
    clips: 3,
    frameCount: 75,
    minutes: 0.05,
    dropped: { 'no face': 1, 'too short': 1 },
  });
  const before = await content();
  // Stopped after one video, with a half-written file, and started again.
  await writeFile(`${folder}/clips/a.mp4.t0.s0.safetensors`, 'damaged');
  await fill(await ClipStore.create(folder, storeRecipe), 1);
  expect(await content()).toEqual(before);
  const manifest = JSON.parse(await readFile(`${folder}/manifest.json`, 'utf8'));
  expect(manifest.clips.map((clip: { id: string }) => clip.id)).toEqual(['a.mp4.t0.s0', 'b.mp4.t0.s0', 'c.mp4.t0.s0']);
  expect(manifest.clips[0].sha256).toBe(await hashFile(`${folder}/clips/a.mp4.t0.s0.safetensors`));
  expect(manifest.dropped.map((drop: { source: string }) => drop.source)).toEqual(['a.mp4', 'x.mp4']);
  expect(await readFile(`${folder}/manifest.json`, 'utf8')).not.toContain(folder);
});

test('source gives the clips and drops of a video, undefined before it is done', async () => {
  const store = await madeStore(folder, []);
  expect(await store.source('sub/a.mp4')).toBeUndefined();
  const record = {
    source: 'sub/a.mp4',
    clips: ['sub/a.mp4.t0.s0'],
    dropped: [{ source: 'sub/a.mp4', track: 1, reason: 'silent' as const, detail: 'x' }],
  };
  await store.finishSource(record);
  expect(await store.source('sub/a.mp4')).toEqual(record);
  const noted = { source: 'b.mp4', clips: [], dropped: [], notes: ['2 audio tracks'] };
  await store.finishSource(noted);
  expect(await store.source('b.mp4')).toEqual(noted);
});

test('create resumes a store with the same settings and refuses one with others', async () => {
  await ClipStore.create(folder, storeRecipe, { segmentSec: 10, minFrames: 20 });
  await ClipStore.create(folder, storeRecipe, { minFrames: 20, segmentSec: 10 });
  await expect(ClipStore.create(folder, storeRecipe, { segmentSec: 5, minFrames: 20 })).rejects.toThrow(
    'ClipStore.create: store must be prepared as before (settings.segmentSec 10), got settings.segmentSec 5',
  );
  const other = { ...storeRecipe, crop: similarity(1.9, 96) };
  await expect(ClipStore.create(folder, other, { segmentSec: 10, minFrames: 20 })).rejects.toThrow('got crop.size 96');
});

test('ClipStore refuses folders without a store, other formats, other sizes and ids that leave the folder', async () => {
  await expect(ClipStore.open(folder)).rejects.toThrow('ClipStore.open: folder must be a store with store.json');
  await writeFile(`${folder}/store.json`, '{"format":"lipsync-clips","version":1}');
  await expect(ClipStore.open(folder)).rejects.toThrow(
    'store.json must be lipsync-clips 2 or 3; prepare the videos again, got lipsync-clips 1',
  );
  await remove();
  await mkdir(folder);
  const store = await madeStore(folder, []);
  await expect(store.write({ ...madeClip('a.mp4.t0.s0', 5), height: 7 })).rejects.toThrow(
    'ClipStore.write: clip must be of 6 x 6 pixels, as in the store, got 7 x 6',
  );
  await expect(store.read('../a.t0.s0')).rejects.toThrow('inside it');
  await expect(store.read('a')).rejects.toThrow('id must be <source>.t<track>.s<segment>');
});

test('frames of a clip come from the seconds in which they lie, whatever is asked for', async () => {
  const store = await madeStore(folder, [60]);
  const { frames } = await store.read('c0.mp4.t0.s0');
  const bytes = 6 * 6 * 3;
  for (const [first, count] of [
    [0, 60],
    [3, 5],
    [20, 10],
    [24, 1],
    [25, 25],
    [10, 50],
  ]) {
    const pictures = await store.frames('c0.mp4.t0.s0', first, count);
    expect(Buffer.compare(pictures, frames.subarray(first * bytes, (first + count) * bytes))).toBe(0);
  }
  await expect(store.frames('c0.mp4.t0.s0', 55, 6)).rejects.toThrow(
    'ClipStore.frames: first must be a frame of c0.mp4.t0.s0 with 6 from it on among 60, got 55',
  );
});

test('the manifest lists the person, the split and the crop of each clip', async () => {
  const store = await madeStore(folder, [30, 30]);
  await store.finish({
    by: 'label',
    seed: 3,
    validationShare: 0.5,
    clips: {
      'c0.mp4.t0.s0': { identity: 'Ann', split: 'train' },
      'c1.mp4.t0.s0': { identity: 'Bea', split: 'validation' },
    },
  });
  const manifest = (await store.manifest())!;
  expect(manifest.split).toEqual({ by: 'label', seed: 3, validationShare: 0.5 });
  expect(manifest.recipe).toEqual(storeRecipe);
  expect(
    manifest.clips.map(({ id, identity, split, frameCount, angle, radius }) => [
      id,
      identity,
      split,
      frameCount,
      angle,
      radius,
    ]),
  ).toEqual([
    ['c0.mp4.t0.s0', 'Ann', 'train', 30, 3, 1],
    ['c1.mp4.t0.s0', 'Bea', 'validation', 30, 3, 1],
  ]);
});

test('sources are listed in order', async () => {
  const store = await madeStore(folder, []);
  for (const source of ['b.mp4', 'a/z.mp4']) await store.finishSource({ source, clips: [], dropped: [] });
  expect((await store.sources()).map(({ source }) => source)).toEqual(['a/z.mp4', 'b.mp4']);
});
