import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Clip } from './clip';
import { clipId } from './clip-id';
import { ClipStore } from './clip-store';
import { mergeStores } from './merge-stores';

const crop = { kind: 'whole frame', size: 4, resize: 'none' } as const;
const recipe = { crop, features: 'THESIS_MEL', stepsPerSecond: 80, bins: 80, fps: 25 } as const;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merge-stores-'));
});
afterEach(() => rm(folder, { recursive: true }));

function clip(source: string, level: number): Clip {
  const count = 20;
  return {
    id: clipId(source, 0, 0),
    frames: new Uint8Array(count * 48).fill(level),
    frameCount: count,
    height: 4,
    width: 4,
    features: { data: new Float32Array(65 * 80), steps: 65, bins: 80 },
    audio: new Int16Array(count * 640),
    landmarks: new Float32Array(count * 136),
    poses: new Float32Array(count * 4).fill(1),
    firstFrame: 0,
    score: 1,
    interpolated: 0,
  };
}

async function part(
  name: string,
  sources: string[],
  settings: Record<string, unknown> = {},
  level = 1,
): Promise<string> {
  const path = join(folder, name);
  const store = await ClipStore.create(path, recipe, settings);
  for (const source of sources) {
    await store.write(clip(source, level));
    await store.drop({ source, track: 1, reason: 'too short', detail: 'x' });
    await store.finishSource({
      source,
      clips: [clipId(source, 0, 0)],
      dropped: [{ source, track: 1, reason: 'too short', detail: 'x' }],
    });
  }
  return path;
}

test('parts become one store with all clips and drops, again and again', async () => {
  const parts = [await part('p0', ['a.mp4', 'sub/c.mp4']), await part('p1', ['b.mp4'])];
  const into = join(folder, 'all');
  for (let time = 0; time < 2; time++) {
    const { summary, split } = await mergeStores(into, parts, { seed: 1 });
    expect(summary).toMatchObject({ sources: 3, clips: 3, dropped: { 'too short': 3 } });
    expect(Object.keys(split!.clips)).toHaveLength(3);
  }
  const store = await ClipStore.open(into);
  expect((await store.read('sub/c.mp4.t0.s0')).frames[0]).toBe(1);
  expect(JSON.parse(await readFile(join(into, 'manifest.json'), 'utf8')).clips).toHaveLength(3);
});

test('a folder that all machines wrote into needs no parts', async () => {
  const shared = await part('shared', ['a.mp4']);
  expect((await mergeStores(shared, [])).summary.clips).toBe(1);
});

test('parts may differ in allowed harmless settings, which the error names and the store records', async () => {
  const settings = (landmarkQuality: string, minFrames: number) => ({ landmarkQuality, preparation: { minFrames } });
  const parts = [
    await part('p0', ['a.mp4'], settings('fast', 20)),
    await part('p1', ['b.mp4'], settings('careful', 5)),
  ];
  const into = join(folder, 'all');
  await expect(mergeStores(into, parts)).rejects.toThrow(
    `mergeStores: part ${parts[1]} must be made as ${parts[0]} (landmarkQuality "fast", preparation.minFrames 20), ` +
      `got landmarkQuality "careful", preparation.minFrames 5; ` +
      `harmless, allowed by allowDifferent: ['landmarkQuality', 'preparation.minFrames']`,
  );
  const allowDifferent = ['landmarkQuality', 'preparation.minFrames'];
  for (let time = 0; time < 2; time++)
    expect((await mergeStores(into, parts, { allowDifferent })).summary.clips).toBe(2);
  expect((await ClipStore.open(into)).settings).toEqual({
    ...settings('fast', 20),
    landmarkDetector: 'face-api',
    mixed: ['landmarkQuality', 'preparation.minFrames'],
  });
});

test('a store that does not say which networks found its landmarks counts as face-api’s, and others do not join it', async () => {
  const before = await part('p0', ['a.mp4'], { landmarkQuality: 'fast' });
  const same = await part('p1', ['b.mp4'], { landmarkQuality: 'fast', landmarkDetector: 'face-api' });
  const other = await part('p2', ['c.mp4'], { landmarkQuality: 'fast', landmarkDetector: 'mediapipe' });
  const into = join(folder, 'all');
  await mergeStores(into, [before, same]);
  const { settings, recipe } = await ClipStore.open(into);
  expect(settings).toEqual({ landmarkQuality: 'fast', landmarkDetector: 'face-api' });
  expect((await (await ClipStore.open(into)).manifest())!.settings).toEqual(settings);
  await ClipStore.create(before, recipe, settings); // resumes
  await expect(ClipStore.create(before, recipe, { ...settings, landmarkDetector: 'mediapipe' })).rejects.toThrow(
    'store must be prepared as before (settings.landmarkDetector "face-api"), got settings.landmarkDetector "mediapipe"',
  );
  await expect(mergeStores(into, [before, other])).rejects.toThrow(
    'got landmarkDetector "mediapipe"; harmless, allowed by allowDifferent: [\'landmarkDetector\']',
  );
  await mergeStores(join(folder, 'mixed'), [before, other], { allowDifferent: ['landmarkDetector'] });
  expect((await ClipStore.open(join(folder, 'mixed'))).settings.mixed).toEqual(['landmarkDetector']);
});

test('settings that change the meaning of clips are refused, allowed or not', async () => {
  const parts = [await part('p0', ['a.mp4'], { logits: { halve: 'mean' } }), await part('p1', ['b.mp4'])];
  await expect(mergeStores(join(folder, 'all'), parts)).rejects.toThrow(
    'got logits.halve missing; not harmless: logits.halve; prepare these videos again with the same values',
  );
  await expect(mergeStores(join(folder, 'all'), parts, { allowDifferent: ['logits'] })).rejects.toThrow(
    'mergeStores: allowDifferent must be of landmarkQuality, landmarkDetector, identify',
  );
});

test('parts that were made otherwise, or disagree about a video, are refused by name', async () => {
  const first = await part('p0', ['a.mp4'], { segmentSec: 5 });
  await expect(
    mergeStores(join(folder, 'x'), [first, await part('p1', ['b.mp4'], { segmentSec: 10 })]),
  ).rejects.toThrow('(segmentSec 5), got segmentSec 10');
  const other = await part('p2', ['a.mp4'], { segmentSec: 5 });
  await (await ClipStore.open(other)).finishSource({ source: 'a.mp4', clips: [], dropped: [] });
  await expect(mergeStores(join(folder, 'y'), [first, other])).rejects.toThrow(
    `mergeStores: a.mp4 must be the same in all parts, got other clips in ${other}`,
  );
});
