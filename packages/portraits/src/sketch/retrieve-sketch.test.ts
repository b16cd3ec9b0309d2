import { describe, expect, test } from 'vitest';
import { sketchPoints } from '../testing/sketch-points';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { retrieveSketch, sketchJitter } from './retrieve-sketch';
import { buildSketchDatabase } from './sketch-database';
import { mostStablePoint } from './stable-point';

type Result = { frames: number[]; distance: number; jitter: number; continued: number };
type Case = {
  points: number;
  lengths: number[];
  weight: number;
  stable: number;
  reference: number;
  normalised: number[];
  queryJitter: number;
  nearest: Result;
  viterbi: Result;
};

describe.each(readFixture<{ cases: Case[] }>('sketch').cases)('a sketch of $points points', (expected) => {
  const { points: count, lengths, weight } = expected;
  const clips = lengths.map((frames, k) => sketchPoints(`clip ${count} ${k}`, frames, count));
  const database = buildSketchDatabase(clips);
  const query = sketchPoints(`query ${count}`, 12, count);

  test('has the reference frame and the most stable point that NumPy finds', () => {
    expect(database.reference.frame).toBe(expected.reference);
    const points = Float32Array.from(clips.flatMap((clip) => Array.from(clip.points)));
    expect(mostStablePoint({ points, frameCount: database.frameCount })).toBe(expected.stable);
  });

  test('is laid over the reference frame as NumPy’s affine maps do', () => {
    const own = retrieveSketch(database, query).query;
    const size = 2 * count;
    const shown = [0, 7].flatMap((frame) => Array.from(own.subarray(frame * size, (frame + 1) * size)));
    expect(relativeDifference(shown, expected.normalised)).toBeLessThan(1e-6);
  });

  test.each(['nearest', 'viterbi'] as const)('takes the frames that NumPy takes, decoder %s', (decoder) => {
    const candidates = database.frameCount;
    const own = retrieveSketch(database, query, { decoder, transitionWeight: weight, candidates });
    const { frames, distance, jitter, continued } = expected[decoder];
    expect([...own.frames]).toEqual(frames);
    expect(own.distance).toBeCloseTo(distance, 6);
    expect(own.jitter.sketch).toBeCloseTo(jitter, 6);
    expect(own.jitter.query).toBeCloseTo(expected.queryJitter, 6);
    expect(own.continued).toBeCloseTo(continued, 12);
  });
});

describe('retrieveSketch', () => {
  const clip = sketchPoints('clip 68 0', 20, 68);
  const database = buildSketchDatabase([clip, sketchPoints('clip 68 1', 13, 68)]);

  test.each(['nearest', 'viterbi'] as const)('finds a query that is in the database again, decoder %s', (decoder) => {
    const { frames, distance, continued } = retrieveSketch(database, clip, { decoder });
    expect([...frames]).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(distance).toBe(0);
    expect(continued).toBe(1);
  });

  test('with another speaker compares movements, not shapes', () => {
    const own = buildSketchDatabase([clip]);
    const { triangle } = own.reference;
    // another face that moves in the same way: each point elsewhere, but for the three that faces are laid over
    const shape = sketchPoints('shape', 1, 68).points;
    const points = own.points.map((value, i) =>
      triangle.includes((i % 136) >> 1) ? value : value + shape[i % 136] / 10,
    );
    const other = { points, frameCount: 20 };
    const order = Array.from({ length: 20 }, (_, i) => i);
    expect([...retrieveSketch(own, other).frames]).not.toEqual(order);
    const found = retrieveSketch(own, other, { speaker: 'other' });
    expect([...found.frames]).toEqual(order);
    expect(found.distance).toBeLessThan(1e-6);
  });

  test('reports each frame', () => {
    const seen: number[] = [];
    retrieveSketch(database, clip, { onProgress: (done, total) => seen.push(done, total) });
    expect(seen.slice(-2)).toEqual([20, 20]);
  });

  test.each<[string, () => unknown]>([
    ['buildSketchDatabase: clips must be at least one', () => buildSketchDatabase([])],
    [
      'buildSketchDatabase: clips[1] must be of 68 points as the first, got 70',
      () => buildSketchDatabase([clip, sketchPoints('a', 3, 70)]),
    ],
    [
      'buildSketchDatabase: clips[0].points must be [2, 68 or 70, 2], got 100 values',
      () => buildSketchDatabase([{ points: new Float32Array(100), frameCount: 2 }]),
    ],
    [
      'clips[0].points must be finite, got NaN in frame 3',
      () => buildSketchDatabase([{ ...clip, points: clip.points.map((v, i) => (i === 3 * 136 + 5 ? Number.NaN : v)) }]),
    ],
    ['triangle must be three different points, 0 to 67', () => buildSketchDatabase([clip], { triangle: [1, 2, 2] })],
    ['options.weights.lips must be at least 0', () => buildSketchDatabase([clip], { weights: { lips: -1 } })],
    [
      'normaliseKeyPoints: keyPoints, frame 0 must be with points 34, 45, 39 that form a triangle',
      () => buildSketchDatabase([{ points: new Float32Array(136), frameCount: 1 }]),
    ],
    ['retrieveSketch: query must be of 68 points, got 70', () => retrieveSketch(database, sketchPoints('a', 3, 70))],
    ['options.candidates must be', () => retrieveSketch(database, clip, { candidates: 0 })],
    ['options.transitionWeight must be', () => retrieveSketch(database, clip, { transitionWeight: -1 })],
  ])('refuses: %s', (message, run) => {
    expect(run).toThrow(message);
  });
});

test('sketchJitter is 0 for lips that move evenly', () => {
  const points = Float32Array.from({ length: 5 * 136 }, (_, i) => Math.floor(i / 136) + (i % 136));
  expect(sketchJitter({ points, frameCount: 5 })).toBe(0);
  expect(sketchJitter({ points: points.subarray(0, 272), frameCount: 2 })).toBe(0);
});
