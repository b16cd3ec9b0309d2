import { expect, test } from 'vitest';
import { faceAsymmetry } from './face-asymmetry';

/** A head of 68 points in three dimensions, turned by `yaw` and `roll` and seen from afar; both halves alike. */
function head(yaw: number, roll = 0, scale = 1): Float32Array {
  const points = new Float32Array(136);
  const place = (i: number, x: number, y: number, z: number) => {
    const turned = x * Math.cos(yaw) + z * Math.sin(yaw);
    points.set(
      [
        200 + scale * (turned * Math.cos(roll) - y * Math.sin(roll)),
        150 + scale * (turned * Math.sin(roll) + y * Math.cos(roll)),
      ],
      2 * i,
    );
  };
  for (let i = 0; i < 68; i++) place(i, 0, 0, 60);
  for (let i = 27; i <= 30; i++) place(i, 0, (i - 27) * 8, 70 + (i - 27) * 5);
  for (const [left, right, x, y, z] of [
    [0, 16, 70, 0, 0],
    [36, 45, 45, 0, 45],
    [48, 54, 25, 50, 55],
  ]) {
    place(left, -x, y, z);
    place(right, x, y, z);
  }
  return points;
}

test('a frontal face has none, at any tilt and size', () => {
  // measured 4.1e-7: points are float32, some of them near 0 of the face's size
  for (const roll of [-0.4, 0, 0.3])
    for (const scale of [0.3, 1, 5]) expect(faceAsymmetry(head(0, roll, scale))).toBeLessThan(4e-6);
});

test('it grows with the rotation of the head, to both sides alike', () => {
  const values = [0.1, 0.2, 0.4, 0.6].map((yaw) => faceAsymmetry(head(yaw)));
  expect(values).toEqual([...values].sort((a, b) => a - b));
  expect(values[0]).toBeGreaterThan(0.05); // measured 0.091; no rotation gives 4e-7
  expect(values[3]).toBeLessThanOrEqual(1);
  // measured 1.3e-7
  for (const yaw of [0.1, 0.4]) expect(faceAsymmetry(head(-yaw, 0.2))).toBeCloseTo(faceAsymmetry(head(yaw, -0.1)), 6);
});

test('refuses what is not 68 points', () => {
  expect(() => faceAsymmetry(new Float32Array(10))).toThrow('faceAsymmetry: points must be');
});
