import { expect, test } from 'vitest';
import { madePoints } from '../testing/made-track';
import {
  boxOverlap,
  landmarkBox,
  MIRRORED_POINT,
  meanPoint,
  pointsFromSquare,
  trackingSquare,
} from './landmark-geometry';

test('MIRRORED_POINT exchanges left and right and is its own inverse', () => {
  expect(MIRRORED_POINT).toHaveLength(68);
  MIRRORED_POINT.forEach((other, point) => expect(MIRRORED_POINT[other]).toBe(point));
  expect([0, 8, 36, 48, 30].map((point) => MIRRORED_POINT[point])).toEqual([16, 8, 45, 54, 30]);
});

test('meanPoint averages a range of points, of any frame', () => {
  const points = Float32Array.from({ length: 272 }, (_, i) => i);
  expect(meanPoint(points, 0, 2)).toEqual([2, 3]);
  expect(meanPoint(points, 1, 1, 136)).toEqual([138, 139]);
});

test('boxOverlap is common area over joint area', () => {
  const box = { left: 0, top: 0, right: 4, bottom: 4 };
  expect(boxOverlap(box, box)).toBe(1);
  expect(boxOverlap(box, { left: 2, top: 0, right: 6, bottom: 4 })).toBeCloseTo(1 / 3, 14); // measured 0
  expect(boxOverlap(box, { left: 5, top: 0, right: 6, bottom: 4 })).toBe(0);
});

test('landmarkBox is the smallest box around the points', () => {
  const points = new Float32Array(136).fill(5);
  points.set([1, 2, 9, 8], 20);
  expect(landmarkBox(points)).toEqual({ left: 1, top: 2, right: 9, bottom: 8 });
});

test('trackingSquare rotates with the eyes and keeps its side', () => {
  const points = madePoints();
  const square = trackingSquare(points, 1.2);
  const turn = (angle: number) =>
    points.map((_, i) => {
      const [x, y] = [points[i - (i % 2)], points[i - (i % 2) + 1]];
      return i % 2 === 0 ? Math.cos(angle) * x - Math.sin(angle) * y : Math.sin(angle) * x + Math.cos(angle) * y;
    });
  const turned = trackingSquare(turn(0.4), 1.2);
  expect(turned.side).toBeCloseTo(square.side, 4); // measured 9.2e-6: points are float32, whose steps at 128 are 1.5e-5
  expect(turned.angle).toBeCloseTo(square.angle + 0.4, 6); // measured 4.4e-8
  expect(turned.x).toBeCloseTo(Math.cos(0.4) * square.x - Math.sin(0.4) * square.y, 4); // measured 4.1e-6
  const upright = turn(-square.angle);
  const box = landmarkBox(upright);
  expect(square.side).toBeCloseTo(1.2 * Math.max(box.right - box.left, box.bottom - box.top), 4); // measured 0
});

test('pointsFromSquare maps points back to the image, mirrored ones in their own order', () => {
  const square = { x: 100, y: 50, side: 40, angle: Math.PI / 2 };
  const points = new Float32Array(136).fill(0.5);
  points[0] = 1; // point 0 at the right edge
  const straight = pointsFromSquare(points, square);
  expect(straight[0]).toBeCloseTo(100);
  expect(straight[1]).toBeCloseTo(70, 4); // measured 0
  const mirrored = pointsFromSquare(points, square, { mirrored: true });
  expect(mirrored[32]).toBeCloseTo(100, 4); // measured 0
  expect(mirrored[33]).toBeCloseTo(30, 4); // measured 0
});
