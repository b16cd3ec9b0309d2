import type { FaceLandmarks, LandmarkDetector, VideoFrame } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { collectTracks } from './collect-tracks';
import { smoothTrack } from './smooth-track';

const frame = (index: number): VideoFrame => ({
  data: new Uint8Array(3),
  width: 1,
  height: 1,
  index,
  timeSec: index / 25,
});

async function* video(count: number) {
  for (let index = 0; index < count; index++) yield frame(index);
}

/** A detector that sees what `faces` says of each frame. */
function fake(
  faces: (index: number) => [trackId: number, value: number][],
): LandmarkDetector & { seen: number[]; resets: number } {
  return {
    scheme: 'ibug68',
    seen: [] as number[],
    resets: 0,
    async detect({ index }): Promise<FaceLandmarks[]> {
      this.seen.push(index);
      return faces(index).map(([trackId, value]) => ({
        trackId,
        points: new Float32Array(136).fill(value),
        score: 0.9,
      }));
    },
    reset() {
      this.resets++;
    },
    dispose() {},
  };
}

test('collectTracks tracks two faces and interpolates a gap', async () => {
  const detector = fake((index) => [
    ...(index === 4 || index === 5 ? [] : ([[0, index]] as [number, number][])),
    ...(index >= 3 ? ([[1, -index]] as [number, number][]) : []),
  ]);
  const tracks = await collectTracks(video(12), detector);
  expect(detector.resets).toBe(1);
  expect(
    tracks.map(({ id, firstFrame, frameCount, interpolated }) => [id, firstFrame, frameCount, interpolated]),
  ).toEqual([
    [0, 0, 12, 2],
    [1, 3, 9, 0],
  ]);
  expect(tracks[0].points[5 * 136]).toBeCloseTo(5, 6); // measured 0
  expect(tracks[0].score).toBeCloseTo(0.9, 12); // measured 1.1e-16
});

test('collectTracks splits at a long gap and drops short tracks', async () => {
  const detector = fake((index) => (index < 6 || (index >= 12 && index < 14) || index >= 20 ? [[0, index]] : []));
  const tracks = await collectTracks(video(30), detector, { maxGap: 3 });
  expect(tracks.map(({ firstFrame, frameCount }) => [firstFrame, frameCount])).toEqual([
    [0, 6],
    [20, 10],
  ]);
});

test('collectTracks detects on every third frame and on the last, and interpolates the others', async () => {
  const detector = fake((index) => [[0, index]]);
  const [track] = await collectTracks(video(12), detector, { stride: 3, maxGap: 0 });
  expect(detector.seen).toEqual([0, 3, 6, 9, 11]);
  expect(track).toMatchObject({ frameCount: 12, interpolated: 7 });
  for (let i = 0; i < 12; i++) expect(track.points[i * 136]).toBeCloseTo(i, 6); // measured 0
});

test('collectTracks smooths with the option smooth', async () => {
  const wobble = (index: number): [number, number][] => [[0, (index % 2) * 2]];
  const [raw] = await collectTracks(video(9), fake(wobble));
  const [smooth] = await collectTracks(video(9), fake(wobble), { smooth: true });
  expect(smooth.points).toEqual(smoothTrack(raw).points);
});

test('collectTracks gives an empty list for a video without faces or without frames', async () => {
  expect(
    await collectTracks(
      video(8),
      fake(() => []),
    ),
  ).toEqual([]);
  expect(
    await collectTracks(
      video(0),
      fake(() => []),
    ),
  ).toEqual([]);
});

test('collectTracks releases each frame before it takes the next', async () => {
  let held = 0;
  async function* counted() {
    for (let index = 0; index < 6; index++) {
      held++;
      yield frame(index);
      held--;
    }
  }
  const most: number[] = [];
  await collectTracks(
    counted(),
    fake((index) => {
      most.push(held);
      return [[0, index]];
    }),
  );
  expect(Math.max(...most)).toBe(1);
});

test('collectTracks refuses options out of range and frames out of order', async () => {
  const detector = fake(() => []);
  await expect(collectTracks(video(1), detector, { maxGap: -1 })).rejects.toThrow('collectTracks: maxGap must be');
  await expect(collectTracks(video(1), detector, { minFrames: 0 })).rejects.toThrow(
    'minFrames must be a whole number above 0',
  );
  await expect(collectTracks(video(1), detector, { stride: 0 })).rejects.toThrow(
    'stride must be a whole number above 0, got 0',
  );
  async function* backwards() {
    yield frame(3);
    yield frame(3);
  }
  await expect(collectTracks(backwards(), detector)).rejects.toThrow(
    'collectTracks: frame.index must be above 3, got 3',
  );
});
