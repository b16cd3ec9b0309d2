import { expect, test } from 'vitest';
import { TrackBuilder } from './track-builder';

const points = (value: number) => new Float32Array(136).fill(value);

test('TrackBuilder interpolates a short gap linearly and counts the frames', () => {
  const builder = new TrackBuilder({ maxGap: 3, minFrames: 1 });
  builder.add(7, 2, points(10), 0.8);
  builder.add(7, 6, points(50), 0.6);
  const [track] = builder.finish();
  expect(track).toMatchObject({ id: 0, firstFrame: 2, frameCount: 5, interpolated: 3 });
  expect(track.score).toBeCloseTo(0.7, 12); // measured 0
  expect([0, 1, 2, 3, 4].map((i) => track.points[i * 136 + 5])).toEqual([10, 20, 30, 40, 50]);
  expect(track.points).toHaveLength(5 * 136);
});

test('TrackBuilder counts the searched frames without the face; frames that were not searched are interpolated only', () => {
  const builder = new TrackBuilder({ maxGap: 5, minFrames: 1 });
  for (const frame of [0, 2, 4, 6, 8, 10, 12, 14]) {
    if ([0, 6, 8].includes(frame)) builder.add(1, frame, points(frame), 1); // of every second frame
    builder.expire(frame);
  }
  expect(builder.finish()).toMatchObject([{ frameCount: 9, interpolated: 6, notFound: 2 }]);
});

test('TrackBuilder splits at a longer gap and drops what is too short', () => {
  const builder = new TrackBuilder({ maxGap: 3, minFrames: 2 });
  for (const frame of [0, 1, 2, 7, 8, 20]) builder.add(1, frame, points(frame), 1);
  expect(builder.finish().map(({ id, firstFrame, frameCount }) => [id, firstFrame, frameCount])).toEqual([
    [0, 0, 3],
    [1, 7, 2],
  ]);
});

test('TrackBuilder keeps faces apart, in the order of their first frame, over any length', () => {
  const builder = new TrackBuilder({ maxGap: 0, minFrames: 1 });
  for (let frame = 0; frame < 200; frame++) {
    builder.add(5, frame, points(frame), 1);
    if (frame >= 100) builder.add(2, frame, points(-frame), 0.5);
    builder.expire(frame);
  }
  const tracks = builder.finish();
  expect(tracks.map(({ firstFrame, frameCount, score }) => [firstFrame, frameCount, score])).toEqual([
    [0, 200, 1],
    [100, 100, 0.5],
  ]);
  expect(tracks[0].points[199 * 136]).toBe(199);
  expect(tracks[1].points[0]).toBe(-100);
});

test('TrackBuilder gives open tracks so far by their keys, and forgets points before a frame but the last', () => {
  const builder = new TrackBuilder({ maxGap: 3, minFrames: 1 });
  for (let frame = 0; frame < 6; frame++) builder.add(9, frame, points(frame), 1);
  builder.forget(4);
  const track = builder.open().get(9)!;
  expect([track.firstFrame, track.frameCount, track.points[0]]).toEqual([4, 2, 4]);
  builder.forget(100);
  builder.add(9, 8, points(8), 1);
  expect([
    ...builder
      .open()
      .get(9)!
      .points.filter((_, i) => i % 136 === 0),
  ]).toEqual([5, 6, 7, 8]);
  builder.expire(20);
  builder.forget(20);
  expect([builder.open().size, builder.finish()]).toEqual([0, []]);
});
