import { describe, expect, test } from 'vitest';
import { LandmarkDistanceScorer, landmarkDistance } from './landmark-distance';

/** Points on two circles, face and mouth, moved and scaled; `shift` moves the mouth's corners apart. */
function clip(frameCount: number, { dx = 0, dy = 0, size = 1, shift = 0 } = {}): Float32Array {
  const points = new Float32Array(frameCount * 136);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let point = 0; point < 68; point++) {
      const radius = point < 48 ? 40 : 12;
      const x = 64 + radius * Math.cos(point + frame) + (point === 48 ? shift : 0);
      const y = 64 + radius * Math.sin(point + frame) + (point === 51 ? shift : 0);
      points.set([size * x + dx, size * y + dy], (frame * 68 + point) * 2);
    }
  }
  return points;
}

describe('landmarkDistance', () => {
  test('is the length of a common shift, and 0 once points are moved to their mean', () => {
    const [real, moved] = [clip(3), clip(3, { dx: 3, dy: 4 })];
    // measured 1.2e-7: points are float32, whose steps at 64 are 7.6e-6, in means
    expect(landmarkDistance(real, moved).value).toBeCloseTo(5, 6);
    expect(landmarkDistance(real, moved, { points: 'all' }).value).toBeCloseTo(5, 6);
    expect(landmarkDistance(real, moved, { normalisation: 'translation' }).value).toBeLessThan(1e-5); // measured 7.3e-7
    expect(landmarkDistance(real, real).value).toBe(0);
  });

  test('is the mean over the chosen points and over frames', () => {
    // In frame 1 point 48 moves by 10 and point 51 by 10: 20 over 20 mouth points.
    const generated = clip(2);
    generated.set(clip(2, { shift: 10 }).subarray(136), 136);
    expect(landmarkDistance(clip(2), generated).value).toBeCloseTo(0.5, 6); // measured 0
    expect(landmarkDistance(clip(2), generated, { points: 'all' }).value).toBeCloseTo(20 / 68 / 2, 6);
    expect(landmarkDistance(clip(2), generated, { points: [48] }).value).toBeCloseTo(5, 6);
    // Moving the mean by (0.5, 0.5): 18 points are off by its length, two by 9.5 and 0.5.
    const moved = (18 * Math.SQRT1_2 + 2 * Math.hypot(9.5, 0.5)) / 20 / 2;
    expect(landmarkDistance(clip(2), generated, { normalisation: 'translation' }).value).toBeCloseTo(moved, 5);
  });

  test('by scale does not depend on the size of the images', () => {
    for (const scaleBy of ['eyes', 'mouth'] as const) {
      const options = { normalisation: 'scale', scaleBy } as const;
      const [small, large] = [1, 3].map((size) =>
        landmarkDistance(clip(2, { size }), clip(2, { size, shift: 4 }), options),
      );
      expect(small.value).toBeGreaterThan(0);
      expect(large.value).toBeCloseTo(small.value, 5); // measured 6.5e-7: float32 points
      expect(small.unit).toBe(scaleBy === 'eyes' ? 'eye distances' : 'mouth widths');
    }
    const points = clip(1);
    const width = Math.hypot(points[96] - points[108], points[97] - points[109]);
    const value = landmarkDistance(points, clip(1, { size: 1.1 }), {
      points: [48, 54],
      normalisation: 'scale',
      scaleBy: 'mouth',
    }).value;
    expect(value).toBeCloseTo((0.1 * width) / 2 / width, 4); // both corners move by half of what the mouth grows
  });

  test('returns its definition', () => {
    expect(landmarkDistance(clip(2), clip(2))).toEqual({
      value: 0,
      unit: 'pixels',
      frameCount: 2,
      definition:
        'mean Euclidean distance of the mouth points 48-67 of iBUG-68, as they are, over points and frames, in pixels',
    });
    const { definition } = landmarkDistance(clip(1), clip(1), { points: [48, 54], normalisation: 'scale' });
    expect(definition).toContain(
      "points 48, 54 of iBUG-68, moved to a mean of 0 in each frame and divided by the real face's size",
    );
  });

  test('refuses clips of different length, points that are not finite, faces without a size and unknown options', () => {
    expect(() => landmarkDistance(clip(2), clip(3))).toThrow(
      'landmarkDistance: generated must be of 2 frames, as real is, got 3',
    );
    expect(() => landmarkDistance(clip(2), new Float32Array(10))).toThrow(
      'generated must be a Float32Array of [frames, 68, 2], got 10',
    );
    expect(() => landmarkDistance(clip(1), clip(1).fill(NaN))).toThrow('generated must be finite, got NaN in frame 0');
    const flat = new Float32Array(136).fill(7);
    expect(() => landmarkDistance(flat, flat, { normalisation: 'scale' })).toThrow(
      'real must be a face with a size (eye distances), got 0',
    );
    expect(() => landmarkDistance(flat, flat, { points: [68] })).toThrow(
      'points must be mouth, all or some of 0..67, got [68]',
    );
    expect(() => landmarkDistance(flat, flat, { points: [1, 1] })).toThrow('points must be without repeats');
    expect(() => landmarkDistance(flat, flat, { normalisation: 'none' as 'raw' })).toThrow(
      'normalisation must be raw, translation or scale',
    );
    expect(() => landmarkDistance(flat, flat, { scaleBy: 'nose' as 'eyes' })).toThrow('scaleBy must be eyes or mouth');
  });
});

test('LandmarkDistanceScorer takes pieces of clips and weighs frames alike', () => {
  const scorer = new LandmarkDistanceScorer({ points: 'all' });
  expect(() => scorer.compute()).toThrow('LandmarkDistanceScorer.compute: samples so far must be at least one');
  expect(scorer.update(clip(1), clip(1, { dx: 4 }))).toBeCloseTo(4, 6); // measured 8.4e-8
  scorer.update(clip(3), clip(3));
  const { value, metric, unit, samples } = scorer.compute();
  expect(value).toBeCloseTo(1, 6); // measured 2.1e-8
  expect([metric, unit, samples]).toEqual(['f-lmd', 'pixels', 4]);
  scorer.reset();
  expect(() => scorer.compute()).toThrow('call update first');
  expect(() => new LandmarkDistanceScorer({ points: [] })).toThrow('LandmarkDistanceScorer: points must be');
});
