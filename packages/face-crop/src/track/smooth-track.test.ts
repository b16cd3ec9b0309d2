import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { madeTrack } from '../testing/made-track';
import { smoothTrack } from './smooth-track';

test('smoothTrack smooths as savgol_filter does, the ends too', () => {
  const track = madeTrack();
  const smooth = smoothTrack(track).points;
  let worst = 0;
  for (let frame = 0; frame < 60; frame++) {
    [0, 8, 30, 62].forEach((point, k) => {
      for (const axis of [0, 1]) {
        const difference = smooth[frame * 136 + point * 2 + axis] - fixture.smooth[(frame * 4 + k) * 2 + axis];
        worst = Math.max(worst, Math.abs(difference));
      }
    });
  }
  // the fixture has four decimals
  expect(worst).toBeLessThan(1e-4);
  expect(track.points).toEqual(madeTrack().points);
});

test('smoothTrack leaves movement along a parabola as it is', () => {
  const track = madeTrack(9);
  track.points.forEach((_, i) => (track.points[i] = 3 + 2 * Math.floor(i / 136) - 0.5 * Math.floor(i / 136) ** 2));
  smoothTrack(track).points.forEach((value, i) => expect(value).toBeCloseTo(track.points[i], 6)); // measured 0
});

test('smoothTrack keeps a track of fewer than five frames', () => {
  const track = madeTrack(4);
  const smooth = smoothTrack(track);
  expect(smooth.points).toEqual(track.points);
  expect(smooth.points).not.toBe(track.points);
});
