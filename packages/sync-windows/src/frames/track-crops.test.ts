import { planCrops, trackFromLandmarks } from '@lipsync/face-crop';
import { expect, test } from 'vitest';
import { facePoints, madeMedia } from '../testing/made-video';
import { similarity } from '../testing/made-windows';
import { trackCrops } from './track-crops';

const track = (id: number, firstFrame: number, frameCount: number) => {
  const points = new Float32Array(frameCount * 136);
  for (let f = 0; f < frameCount; f++) points.set(facePoints(60), f * 136);
  const made = trackFromLandmarks(points, { firstFrame, id });
  return { track: made, plan: planCrops(made, similarity(1.18, 4)) };
};

test('trackCrops gives the crops of all faces in the order of the frames and ends with the last face', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 50, faces: [] } });
  const seen: number[][] = [];
  for await (const { planned, frameIndex: frame, indexInTrack, crop } of trackCrops(made.reader.frames('a.mp4'), [
    track(0, 1, 3),
    track(1, 2, 3),
  ])) {
    seen.push([planned.track.id, frame, indexInTrack]);
    expect(crop).toEqual(new Uint8Array(4 * 4 * 3).fill(frame));
  }
  expect(seen).toEqual([
    [0, 1, 0],
    [0, 2, 1],
    [1, 2, 0],
    [0, 3, 2],
    [1, 3, 1],
    [1, 4, 2],
  ]);
  expect([made.counts.frameCount, made.counts.open]).toEqual([5, 0]);
});

test('trackCrops of no face decodes nothing', async () => {
  const made = madeMedia({ 'a.mp4': { frameCount: 50, faces: [] } });
  for await (const _ of trackCrops(made.reader.frames('a.mp4'), [])) throw new Error('there is none');
  expect(made.counts.frameCount).toBe(0);
});
