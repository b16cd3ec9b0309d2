import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { madeTrack } from '../testing/made-track';
import { cropRadiusStatistics, videoCropRadius } from './crop-radius';

test('cropRadiusStatistics gives minimum, maximum, mean and median over windows by the rule', () => {
  expect(cropRadiusStatistics(madeTrack())).toEqual({ ...fixture.radii, skipped: 44 - fixture.radii.windows });
});

test('videoCropRadius is the mean rounded to a multiple of 4', () => {
  const radius = videoCropRadius(madeTrack());
  expect(radius % 4).toBe(0);
  expect(Math.abs(radius - fixture.radii.mean)).toBeLessThanOrEqual(2);
});

test('cropRadiusStatistics does not change when the face moves, and counts a short track as one window', () => {
  const track = madeTrack(9);
  const moved = { ...track, points: track.points.map((value) => value + 40) };
  expect(cropRadiusStatistics(moved)).toEqual(cropRadiusStatistics(track));
  expect(cropRadiusStatistics(track).windows).toBe(1);
});

test('cropRadiusStatistics skips windows whose crop leaves the image, or in which the face changes size at once', () => {
  const track = madeTrack();
  const all = cropRadiusStatistics(track, { image: { width: 1000, height: 1000 } });
  expect(all.skipped).toBe(0);
  const some = cropRadiusStatistics(track, { image: { width: 1000, height: 198 } });
  expect(some.skipped).toBeGreaterThan(0);
  expect(some.max).toBeLessThan(all.max);
  const jump = { ...track, points: track.points.map((value, i) => (i < 20 * 136 ? value : value * 2)) };
  // the windows that hold both frame 19 and frame 20
  expect(cropRadiusStatistics(jump).skipped).toBe(15);
});

test('cropRadiusStatistics throws where no window is left', () => {
  const image = { width: 50, height: 50 };
  expect(() => cropRadiusStatistics(madeTrack(), { image })).toThrow(
    'cropRadiusStatistics: track must be one whose head crop is steady and inside the image in one of 44 windows, got none',
  );
  expect(() => cropRadiusStatistics(madeTrack(), { window: 0 })).toThrow(
    'window must be a whole number above 0, got 0',
  );
});
