import type { FaceTrack, SyncRecipe } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { CropCollector, imageOf } from './crop-collector';

const recipe: SyncRecipe = {
  ...{ frameCount: 5, fps: 25, color: 'BGR', range: [-1, 1], features: 'THESIS_MEL', featureSteps: 16 },
  crop: { kind: 'whole frame', size: 4, resize: 'none' },
};

/** A face whose lips are still but for `moving`, the frames from one on in which they open and close. */
function trackOf(id: number, frameCount: number, moving = 0): FaceTrack {
  const points = new Float32Array(136 * frameCount);
  for (let i = 0; i < frameCount; i++) if (i >= moving && i < moving + 18) points[136 * i + 133] = i % 2 === 0 ? 10 : 0; // y of point 66
  return { id, firstFrame: 3, frameCount, points, score: 1, interpolated: 0 };
}

/** The window whose frame k has red 10 k, green 20 k, blue 30 k of 255, in the recipe's order and range. */
function windowOf(track: FaceTrack, startFrame: number) {
  const value = (level: number) => (2 * level) / 255 - 1;
  const frames = Float32Array.from({ length: 16 * 15 }, (_, i) => {
    const [frame, channel] = [startFrame + (Math.floor(i / 3) % 5), i % 3];
    return value((3 - channel) * (frame % 8) * 10); // blue first
  });
  return { track, startFrame, frames };
}

function collected(...tracks: FaceTrack[]) {
  const crops = new CropCollector(recipe);
  for (const track of tracks)
    for (let i = 0; i + 5 <= track.frameCount; i++) crops.add(windowOf(track, track.firstFrame + i));
  return crops;
}

test('imageOf gives a frame of a window as RGB, 0..255', () => {
  const { data, width, height } = imageOf(windowOf(trackOf(0, 9), 3).frames, 2, recipe);
  expect([width, height, data.length]).toEqual([4, 4, 48]);
  expect([...data.subarray(0, 3), ...data.subarray(45)]).toEqual([50, 100, 150, 50, 100, 150]);
});

test('CropCollector keeps at most 24 crops over the time of a face, with the numbers of their frames', () => {
  const { spread } = collected(trackOf(7, 1004)).of(7)!;
  expect(spread.length).toBeLessThanOrEqual(24);
  expect(spread.map(({ frameIndex }) => frameIndex)).toEqual(spread.map((_, i) => 5 + 42 * i)); // the middle of window 0: frame 3 + 2
  for (const { data, frameIndex } of spread) expect(data[0]).toBe((frameIndex % 8) * 10);
});

test('CropCollector keeps every frame where the lips move most', () => {
  const { lively } = collected(trackOf(0, 200, 100)).of(0)!;
  expect(lively.map(({ frameIndex }) => frameIndex)).toEqual(
    Array.from({ length: 18 }, (_, i) => lively[0].frameIndex + i),
  );
  expect(Math.abs(lively[0].frameIndex - 105)).toBeLessThanOrEqual(2);
});

test('CropCollector keeps the 16 faces that are seen longest, whatever their number', () => {
  const crops = collected(...Array.from({ length: 40 }, (_, i) => trackOf(i, 20 + ((i * 7) % 40))));
  const kept = Array.from({ length: 40 }, (_, i) => i).filter((id) => crops.of(id));
  expect(kept).toHaveLength(16);
  expect(Math.min(...kept.map((i) => 20 + ((i * 7) % 40)))).toBe(44);
});
