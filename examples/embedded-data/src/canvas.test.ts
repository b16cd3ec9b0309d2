import { describe, expect, test } from 'vitest';
import { Canvas, ellipse, smoothClosed, smoothOpen, stroke } from './canvas';

const sum = (array: Float32Array) => array.reduce((total, value) => total + value, 0);

describe('Canvas', () => {
  test('the cover of a rectangle is its area, also between pixels', () => {
    const canvas = new Canvas(16, 16);
    // measured 0: these areas are exact in float32
    expect(sum(canvas.coverage([[2.25, 3, 9.5, 3, 9.5, 7.5, 2.25, 7.5]]))).toBeCloseTo(7.25 * 4.5, 5);
  });

  test('two outlines make a ring', () => {
    const canvas = new Canvas(64, 64);
    const area = sum(canvas.coverage([ellipse(32, 32, 20, 20, 200), ellipse(32, 32, 10, 10, 200)]));
    expect(area).toBeCloseTo(Math.PI * 300, 0); // measured 0.1: outlines of 200 corners
  });

  test('softening spreads the edge and keeps the area', () => {
    const canvas = new Canvas(64, 64);
    const square = [[20, 20, 40, 20, 40, 40, 20, 40]];
    const soft = canvas.coverage(square, 2.5);
    expect(sum(soft)).toBeCloseTo(400, 4); // measured 1.4e-6
    expect(soft[30 * 64 + 18]).toBeGreaterThan(0.05); // measured 0.29
    expect(soft[30 * 64 + 21]).toBeLessThan(0.95);
    expect(soft[30 * 64 + 30]).toBeCloseTo(1, 6); // measured 0
  });

  test('fill blends a colour, and leaves no mask behind', () => {
    const canvas = new Canvas(8, 8);
    canvas.fill([[2, 2, 6, 2, 6, 6, 2, 6]], [200, 100, 50], 0.5);
    expect(Array.from(canvas.data.slice((3 * 8 + 3) * 3, (3 * 8 + 3) * 3 + 3))).toEqual([100, 50, 25]);
    expect(sum(canvas.coverage([[0, 0, 1, 0, 1, 1, 0, 1]]))).toBe(1);
  });

  test('shapes outside and across the border are cut', () => {
    const canvas = new Canvas(8, 8);
    expect(sum(canvas.coverage([[-9, -9, -2, -9, -2, -2, -9, -2]]))).toBe(0);
    expect(sum(canvas.coverage([[-4, -4, 12, -4, 12, 12, -4, 12]]))).toBeCloseTo(64, 5); // measured 0
  });

  test('stencil holds until the next call and forgets the last', () => {
    const canvas = new Canvas(8, 8);
    canvas.stencil([[0, 0, 4, 0, 4, 4, 0, 4]]);
    expect(sum(canvas.stencil([[6, 6, 8, 6, 8, 8, 6, 8]]))).toBe(4);
  });

  test('shade darkens what is under it', () => {
    const canvas = new Canvas(8, 8);
    canvas.data.fill(100);
    canvas.shade([[0, 0, 8, 0, 8, 8, 0, 8]], 0.5, 0);
    expect(canvas.data[(4 * 8 + 4) * 3]).toBeCloseTo(50, 5); // measured 0
  });
});

test('smooth lines go through their points', () => {
  const points = [0, 0, 4, 1, 6, 5, 1, 4];
  for (const line of [smoothClosed(points, 3), smoothOpen(points, 3)]) {
    for (let i = 0; i < 4; i++) expect(line.slice(i * 6, i * 6 + 2)).toEqual(points.slice(i * 2, i * 2 + 2));
  }
});

test('a stroke of a straight line is a rectangle', () => {
  const canvas = new Canvas(32, 32);
  expect(sum(canvas.coverage([stroke([4, 10, 14, 10, 24, 10], () => 3)]))).toBeCloseTo(60, 5); // measured 0
});
