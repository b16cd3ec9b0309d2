import type { SyncRecipe } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { madeMedia } from '../testing/made-video';
import { similarity } from '../testing/made-windows';
import { openTrackedVideo } from '../tracked-video/tracked-video';
import { streamSyncWindows } from './stream-windows';

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: similarity(1.18, 4),
  color: 'BGR',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 16,
};
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

test('streamSyncWindows refuses another frame rate and crops that do not fit', async () => {
  const opened = await open(30).video;
  await expect(streamSyncWindows(opened, { recipe: { ...recipe, fps: 30 } }).next()).rejects.toThrow(
    'streamSyncWindows: video.fps must be 30',
  );
  await expect(streamSyncWindows(opened, { recipe, stored: similarity(1, 8) }).next()).rejects.toThrow(
    'wanted.side must be at most the stored',
  );
});
