import { LITE, recipeOf } from '@lipsync/avalignnet';
import type { SyncRecipe } from '@lipsync/contracts';
import type { StoreRecipe } from '@lipsync/dataloader';
import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import { Random } from '@lipsync/nn';
import { cutMouthWindow, storedCropFor } from '@lipsync/sync-windows';
import { SYNCNET_RECIPE } from '@lipsync/syncnet';
import { expect, test, vi } from 'vitest';
import { assertFitsHeads, expertWindows, landmarksInHead } from './expert-windows';

const store: StoreRecipe = {
  crop: { kind: 'dinet head', mouth: 64 },
  features: 'THESIS_MEL',
  stepsPerSecond: 80,
  bins: 80,
  fps: 25,
};
const similarity = recipeOf(LITE);
const COUNT = 12;

/** A face that stands still in a video of 320 x 320: eyes, mouth and the rest, in pixels. */
function face(): Float32Array {
  const points = new Float32Array(136);
  for (let i = 0; i < 68; i++) points.set([150 + (i % 7), 150 + (i % 5)], 2 * i);
  for (let i = 36; i <= 41; i++) points.set([125, 120], 2 * i);
  for (let i = 42; i <= 47; i++) points.set([175, 122], 2 * i);
  for (let i = 48; i <= 67; i++) points.set([150 + (i % 3), 180 + (i % 4)], 2 * i);
  points.set([150, 140], 2 * 29);
  points.set([150, 155], 2 * 33);
  points.set([150, 215], 2 * 8); // the chin
  return points;
}

/** A video of soft stripes, cut as `prepare --head` does. */
function madeClip() {
  const random = new Random(2);
  const video = Array.from({ length: COUNT }, (_, index) => {
    const phase = random.uniform(0, 6);
    const data = Uint8Array.from({ length: 320 * 320 * 3 }, (_, i) => {
      const [x, y] = [Math.floor(i / 3) % 320, Math.floor(i / 960)];
      return 128 + 60 * Math.sin(x / 25 + phase) + 60 * Math.cos(y / 19 + (i % 3));
    });
    return { data, width: 320, height: 320, index, timeSec: index / 25 };
  });
  const landmarks = Float32Array.from({ length: COUNT * 136 }, (_, i) => face()[i % 136] + 0.5 * Math.sin(i));
  const track = trackFromLandmarks(landmarks);
  const plan = planCrops(track, store.crop, video[0]);
  const bytes = plan.height * plan.width * 3;
  const frames = new Uint8Array(COUNT * bytes);
  video.forEach((frame, i) => plan.cut(frame, i, frames.subarray(i * bytes, (i + 1) * bytes)));
  return { video, track, clip: { id: 'a', firstFrame: 0, frames, landmarks, frameCount: COUNT, poses: plan.poses } };
}

test('landmarks of the video lie where the face image shows them', () => {
  const poses = Float32Array.from([160, 200, 128, 0.3]);
  const landmarks = new Float32Array(136).fill(0);
  landmarks.set([160, 200, 96, 136], 0); // the box's centre, and its upper left corner
  const placed = landmarksInHead(store, { poses, landmarks, frameCount: 1 });
  expect([...placed.subarray(0, 4)]).toEqual([40, 64, 8, 32]);
});

test('a network with a similarity crop gets from face images about what it gets from the video', async () => {
  const { video, track, clip } = madeClip();
  const { windows, outside } = await expertWindows(similarity, clip, { store, shown: { truth: clip.frames } });
  const seen = windows.truth(1);
  expect(outside).toBe(0);
  const stored = storedCropFor(similarity.crop);
  const plan = planCrops(track, stored);
  const crops = new Uint8Array(COUNT * plan.height * plan.width * 3);
  video.forEach((frame, i) =>
    plan.cut(frame, i, crops.subarray(i * plan.height * plan.width * 3, (i + 1) * plan.height * plan.width * 3)),
  );
  const wanted = cutMouthWindow(crops, 1, { stored, recipe: similarity });
  const worst = seen.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  expect(worst).toBeLessThan(0.06); // of -1..1: the face image is coarser than the video
});

test('a network with DINet’s mouth box gets the box turned by the clip’s angles', async () => {
  const { clip } = madeClip();
  const recipe: SyncRecipe = {
    ...similarity,
    crop: { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' },
  };
  const angles = Float32Array.from({ length: COUNT }, (_, i) => clip.poses[4 * i + 3]);
  const { windows } = await expertWindows(recipe, clip, { store, shown: { truth: clip.frames } });
  expect(windows.truth(2)).toEqual(cutMouthWindow(clip.frames, 2, { stored: store.crop, recipe, angles }));
});

test.each([0, 3])(
  'SyncNet’s crop is cut from the video with the face laid back, from frame %d of it on',
  async (firstFrame) => {
    const { video, track, clip } = madeClip();
    const recipe = SYNCNET_RECIPE;
    const moved = video.map((frame) => ({ ...frame, index: frame.index + firstFrame }));
    const sourceFrames = vi.fn(async function* () {
      for (let index = 0; index < firstFrame; index++) yield { ...video[0], index };
      yield* moved;
    });
    const shown = { truth: clip.frames, gray: new Uint8Array(clip.frames.length).fill(128) };
    const { windows, outside } = await expertWindows(recipe, { ...clip, firstFrame }, { store, shown, sourceFrames });
    expect(outside).toBe(0);
    expect(sourceFrames).toHaveBeenCalledWith({ id: 'a', firstFrame, frameCount: COUNT });
    const stored = storedCropFor(recipe.crop);
    const plan = planCrops(track, stored);
    const bytes = plan.height * plan.width * 3;
    const crops = new Uint8Array(COUNT * bytes);
    video.forEach((frame, i) => plan.cut(frame, i, crops.subarray(i * bytes, (i + 1) * bytes)));
    const wanted = cutMouthWindow(crops, 2, { stored, recipe });
    const differences = windows.truth(2).map((value, i) => Math.abs(value - wanted[i]));
    // The face image has fewer pixels than its place in the video, of whose soft stripes little is lost.
    expect(differences.reduce((sum, value) => sum + value) / differences.length).toBeLessThan(2); // of 255
    const middle = (112 * 224 + 112) * recipe.frameCount * 3;
    expect(windows.gray(2)[middle]).toBeCloseTo(128, 0); // of the face image
    expect(windows.gray(2)[0]).toBe(wanted[0]); // of the video around it
  },
);

test('without the video SyncNet’s crop is filled outside of the face image, and that share is known', async () => {
  const { clip } = madeClip();
  const { windows, outside } = await expertWindows(SYNCNET_RECIPE, clip, { store, shown: { truth: clip.frames } });
  expect(outside).toBeGreaterThan(0.1);
  expect(outside).toBeLessThan(0.9);
  expect(windows.truth(0)[0]).toBe(110); // the gray of SyncNet's pipeline
});

test('a video that ends before the clip does is refused', async () => {
  const { video, clip } = madeClip();
  const sourceFrames = async function* () {
    yield* video.slice(0, 5);
  };
  await expect(
    expertWindows(SYNCNET_RECIPE, clip, { store, shown: { truth: clip.frames }, sourceFrames }),
  ).rejects.toThrow(`expertWindows: sourceFrames must be the ${COUNT} frames of a from 0 on, got 5`);
});

test('assertFitsHeads names what does not fit', () => {
  const name = 'X';
  const whole: SyncRecipe = { ...similarity, crop: { kind: 'whole frame', size: 96, resize: 'none' } };
  expect(() => assertFitsHeads('here', store, { name, recipe: whole })).toThrow(
    'here: expert must be one whose crop is found by landmarks, got X, whole frame',
  );
  expect(() => assertFitsHeads('here', store, { name, recipe: { ...similarity, fps: 30 } })).toThrow(
    'here: expert must be one of 25 frames a second, got X: 30',
  );
  expect(() => assertFitsHeads('here', { ...store, crop: similarity.crop }, { name, recipe: similarity })).toThrow(
    'store must be of head crops',
  );
});
