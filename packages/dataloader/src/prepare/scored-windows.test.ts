import type { SyncRecipe } from '@lipsync/contracts';
import {
  cutFeatureWindow,
  cutMouthWindow,
  openTrackedVideo,
  storedCropFor,
  streamSyncWindows,
  windowCount,
} from '@lipsync/sync-windows';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { madeMedia } from '../../../sync-windows/src/testing/made-video';
import { ClipStore } from '../store/clip-store';
import { similarity, temporaryFolder } from '../testing/made-clips';
import { prepareVideo } from './prepare-video';

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
    const count = windowCount(clip.frameCount, clip.features.steps, recipe);
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
