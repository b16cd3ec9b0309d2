import { expect, test } from 'vitest';
import { layoutOf, mixPlanes, mixWeights, PlaneMeter } from './mix-channels';

test("mixWeights are those of ffmpeg's mono, whose sum is 1", () => {
  expect(mixWeights(layoutOf(1))).toEqual([1]);
  expect(mixWeights(layoutOf(2))).toEqual([0.5, 0.5]);
  // ffmpeg: FL 0.707, FR 0.707, FC 1, LFE 0, BL 0.5, BR 0.5, divided by their sum.
  const sum = 2 * Math.SQRT1_2 + 2;
  const expected = [Math.SQRT1_2, Math.SQRT1_2, 1, 0, 0.5, 0.5].map((weight) => weight / sum);
  for (const [i, weight] of mixWeights(layoutOf(6)).entries()) expect(weight).toBeCloseTo(expected[i], 12);
  expect(mixWeights(layoutOf(10))).toEqual(Array(10).fill(0.1));
});

test('mixWeights follow a mix of one channel, or of the difference of two', () => {
  expect(mixWeights(layoutOf(3), { use: 'channel', channel: 2, reason: '' })).toEqual([0, 0, 1]);
  expect(mixWeights(layoutOf(2), { use: 'side', reason: '' })).toEqual([0.5, -0.5]);
});

test('mixPlanes adds planes by their weights', () => {
  const planes = [Float32Array.of(1, 2), Float32Array.of(4, 8)];
  expect(mixPlanes(planes, [0.5, 0.25])).toEqual(Float32Array.of(1.5, 3));
});

test('PlaneMeter hears channels that are out of phase, and one that is silent', () => {
  const rate = 48000;
  const mixOf = (right: (value: number) => number) => {
    const meter = new PlaneMeter(layoutOf(2), rate);
    for (let second = 0; second < 4; second++) {
      const left = Float32Array.from({ length: rate }, (_, i) => 0.3 * Math.sin(0.1 * i) * Math.sin(0.0007 * i));
      meter.add([left, left.map(right)]);
    }
    return meter.mix();
  };
  expect(mixOf((value) => value)).toBeUndefined();
  expect(mixOf((value) => -value)).toMatchObject({ use: 'side' });
  expect(mixOf(() => 0)).toMatchObject({ use: 'channel', channel: 0 });
});
