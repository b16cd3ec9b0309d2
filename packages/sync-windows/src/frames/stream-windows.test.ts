import type { SyncRecipe } from '@lipsync/contracts';
import { ClipStore, prepareVideo } from '@lipsync/dataloader';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { similarity, temporaryFolder } from '../../../dataloader/src/testing/made-clips';
import { cutFeatureWindow } from '../features/feature-window';
import { madeMedia } from '../testing/made-video';
import { openTrackedVideo } from '../tracked-video/tracked-video';
import { windowCount } from '../window-count';
import { cutMouthWindow } from './mouth-window';
import { storedCropFor, streamSyncWindows } from './stream-windows';

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 4),
  color: 'BGR',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};
let folder: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ folder, remove } = await temporaryFolder()));
afterAll(() => remove());

const faces = [
  { from: 0, to: 90, x: 40 },
  { from: 35, to: 1e9, x: 80 },
];

function open(frameCount: number, samples?: number) {
  const made = madeMedia({ 'a.mp4': { frameCount, faces, samples } });
  return {
    ...made,
    video: openTrackedVideo({ path: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4') }),
  };
}

test('scoring shows a network the same windows, bit for bit, as the prepared clips do', async () => {
  const made = open(120);
  const store = await ClipStore.create(folder, {
    crop: storedCropFor(recipe.crop),
    features: 'THESIS_MEL',
    stepsPerSecond: 80,
    bins: 80,
    fps: 25,
  });
  const { clips } = await prepareVideo(
    { path: 'a.mp4', source: 'a.mp4', reader: made.reader, detector: made.detectorFor('a.mp4') },
    store,
  );
  expect(clips.sort()).toEqual(['a.mp4.t0.s0', 'a.mp4.t1.s0']);
  const windows = new Map<string, { frames: Float32Array; features: Float32Array }>();
  for await (const { track, startFrame, ...window } of streamSyncWindows(await made.video, { recipe })) {
    windows.set(`${track.id} ${startFrame}`, window);
  }
  let compared = 0;
  for (const [track, id] of clips.entries()) {
    const clip = await store.read(id);
    const count = windowCount(clip.count, clip.features.steps, recipe);
    for (let f = 0; f < count; f++) {
      const window = windows.get(`${track} ${clip.firstFrame + f}`)!;
      expect(window.frames).toEqual(cutMouthWindow(clip.frames, f, { stored: store.recipe.crop, recipe }));
      expect(window.features).toEqual(cutFeatureWindow(clip.features, f, { recipe }));
      compared++;
    }
  }
  expect(compared).toBe(windows.size);
  expect(windows.size).toBe(86 + 81);
  expect(made.counts.open).toBe(0);
});

test('windows of a face end with its audio', async () => {
  const { video } = open(120, 50 * 640);
  const starts: Record<number, number[]> = { 0: [], 1: [] };
  for await (const { track, startFrame } of streamSyncWindows(await video, { recipe }))
    starts[track.id].push(startFrame);
  // 50 frames of audio are 161 steps: the last window of 16 starts at step 144 or 145, frame 45
  expect([starts[0][0], starts[0].at(-1), starts[1][0], starts[1].at(-1)]).toEqual([0, 45, 35, 45]);
});

test('whoever leaves early leaves no decoder behind; tracks choose faces', async () => {
  const { video, counts } = open(120);
  const opened = await video;
  opened.release(); // so that the frames are decoded again
  for await (const window of streamSyncWindows(opened, { recipe, tracks: opened.tracks.slice(1) })) {
    expect([window.track.id, window.startFrame]).toEqual([1, 35]);
    expect(counts.open).toBe(2);
    break;
  }
  expect(counts.open).toBe(0);
});

test('storedCropFor leaves room around a similarity crop and keeps others', () => {
  expect(storedCropFor(similarity(1.18, 48))).toEqual(similarity(1.9, 96));
  expect(storedCropFor(similarity(2.5, 48))).toEqual(similarity(2.5, 48));
  const dinet = { kind: 'dinet', size: 64, upright: 'none', sampling: 'exact' } as const;
  expect(storedCropFor(dinet)).toBe(dinet);
});

test('streamSyncWindows refuses another frame rate and crops that do not fit', async () => {
  const opened = await open(30).video;
  await expect(streamSyncWindows(opened, { recipe: { ...recipe, fps: 30 } }).next()).rejects.toThrow(
    'streamSyncWindows: video.fps must be 30',
  );
  await expect(streamSyncWindows(opened, { recipe, stored: similarity(1, 8) }).next()).rejects.toThrow(
    'wanted.side must be at most the stored',
  );
});
