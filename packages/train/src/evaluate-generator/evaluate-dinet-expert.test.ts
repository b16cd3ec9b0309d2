import { LITE } from '@lipsync/avalignnet';
import type { SyncRecipe } from '@lipsync/contracts';
import type { StoreRecipe } from '@lipsync/dataloader';
import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import { Random } from '@lipsync/nn';
import { cutMouthWindow, storedCropFor } from '@lipsync/sync-windows';
import { expect, test } from 'vitest';
import { recipeOf } from '../expert/trained-network';
import { assertSeesHeads, headWindows, landmarksInHead } from './evaluate-dinet-expert';

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
  return { video, track, clip: { frames, landmarks, count: COUNT, poses: plan.poses } };
}

test('landmarks of the video lie where the face image shows them', () => {
  const poses = Float32Array.from([160, 200, 128, 0.3]);
  const landmarks = new Float32Array(136).fill(0);
  landmarks.set([160, 200, 96, 136], 0); // the box's centre, and its upper left corner
  const placed = landmarksInHead(store, { poses, landmarks, count: 1 });
  expect([...placed.subarray(0, 4)]).toEqual([40, 64, 8, 32]);
});

test('a network with a similarity crop sees in face images about what it sees in the video', () => {
  const { video, track, clip } = madeClip();
  const seen = headWindows(store, similarity, clip)(clip.frames)(1);
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

test('a network with DINet’s mouth box sees the box turned by the clip’s angles', () => {
  const { clip } = madeClip();
  const recipe: SyncRecipe = {
    ...similarity,
    crop: { kind: 'dinet', size: 48, upright: 'median of five', sampling: 'exact' },
  };
  const angles = Float32Array.from({ length: COUNT }, (_, i) => clip.poses[4 * i + 3]);
  expect(headWindows(store, recipe, clip)(clip.frames)(2)).toEqual(
    cutMouthWindow(clip.frames, 2, { stored: store.crop, recipe, angles }),
  );
});

test('assertSeesHeads names what does not fit', () => {
  const name = 'X';
  const box: SyncRecipe = { ...similarity, crop: { kind: 'face box', size: 96, rows: 'all' } };
  expect(() => assertSeesHeads('here', store, { name, recipe: box })).toThrow(
    'here: expert must be one whose crop is dinet or similarity, got X, face box',
  );
  expect(() => assertSeesHeads('here', store, { name, recipe: { ...similarity, features: 'WAV2LIP_MEL' } })).toThrow(
    'that hears THESIS_MEL',
  );
  expect(() => assertSeesHeads('here', { ...store, crop: similarity.crop }, { name, recipe: similarity })).toThrow(
    'store must be of head crops',
  );
});
