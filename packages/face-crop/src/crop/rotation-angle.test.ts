import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { madePoints } from '../testing/made-track';
import { rotationAngle } from './rotation-angle';

test('rotationAngle is minus the degrees of the thesis', () => {
  for (let frame = 0; frame < 60; frame++) {
    // measured 5e-7: the fixture has 6 decimals
    expect((rotationAngle(madePoints(frame)) * -180) / Math.PI).toBeCloseTo(fixture.degrees[frame], 5);
  }
});

test.each([-30, -10, 4, 30])('rotationAngle of a face rotated by %d degrees is that of its eye corners', (degrees) => {
  const turn = (degrees * Math.PI) / 180;
  const points = madePoints().map((_, i, all) => {
    const [x, y] = [all[i - (i % 2)], all[i - (i % 2) + 1]];
    return i % 2 === 0 ? Math.cos(turn) * x - Math.sin(turn) * y : Math.sin(turn) * x + Math.cos(turn) * y;
  });
  // measured 0
  expect(rotationAngle(points)).toBeCloseTo(Math.atan2(points[91] - points[73], points[90] - points[72]), 12);
});

test('rotationAngle refuses fewer points', () => {
  expect(() => rotationAngle(new Float32Array(4))).toThrow('rotationAngle: points must be');
});
