import { trackFromLandmarks } from '@lipsync/face-crop/arrays';
import { describe, expect, test } from 'vitest';
import { projectFaces } from '../post-processing/camera';
import { readFixture, relativeDifference } from '../testing/torch-numbers';
import { fitPerson } from './person-shape';
import { points73 } from './points-73';
import { trackPortrait } from './track-portrait';

const fixture = readFixture<{
  landmarks: number[];
  poses: number[];
  shape: number[];
  faces: number[];
  errors: [number, number];
}>('tracker');
const image = { width: 640, height: 480 };
const made = () => trackFromLandmarks(Float32Array.from(fixture.landmarks), { firstFrame: 3 });

describe('trackPortrait', () => {
  const track = trackPortrait(made(), { image });

  test('finds the poses and faces that SciPy finds', () => {
    // 2e-6: landmarks and results are float32, angles near 0 are differences of larger numbers
    expect(relativeDifference(track.poses, fixture.poses)).toBeLessThan(2e-6);
    for (let axis = 0; axis < 3; axis++) {
      const angles = (poses: ArrayLike<number>) => Array.from({ length: 7 }, (_, frame) => poses[6 * frame + axis]);
      expect(relativeDifference(angles(track.poses), angles(fixture.poses))).toBeLessThan(1e-5);
    }
    [0, 4].forEach((frame, k) => {
      const faces = points73(fixture.faces.slice(204 * k, 204 * (k + 1)), 3);
      expect(relativeDifference(track.faces.subarray(219 * frame, 219 * (frame + 1)), faces)).toBeLessThan(1e-5);
    });
    expect(track.error.generic).toBeCloseTo(fixture.errors[0], 6);
    expect(track.error.person).toBeCloseTo(fixture.errors[1], 6);
    expect(track.firstFrame).toBe(3);
  });

  test('a face bent to the person fits several times better than the generic one', () => {
    expect(track.error.person).toBeLessThan(track.error.generic / 4);
  });

  test('projecting the faces gives the landmarks again', () => {
    const plain = trackPortrait(made(), { image, smoothLandmarks: false });
    const { faces, poses, camera, frameCount } = plain;
    const points = projectFaces({ data: faces, frameCount }, { data: poses, frameCount }, { camera });
    for (let frame = 0; frame < frameCount; frame++) {
      const landmarks = points73(fixture.landmarks.slice(136 * frame, 136 * (frame + 1)));
      for (const point of [0, 7, 14, 31, 46, 52, 55, 60, 64]) // points that are landmarks
        for (const axis of [0, 1])
          expect(Math.abs(points[(frame * 73 + point) * 2 + axis] - landmarks[2 * point + axis])).toBeLessThan(2e-3);
    }
  });

  test.each<[string, () => unknown]>([
    [
      'trackPortrait: options.image.width must be above 0',
      () => trackPortrait(made(), { image: { width: 0, height: 1 } }),
    ],
    ['trackPortrait: options.focal must be above 0', () => trackPortrait(made(), { image, focal: -1 })],
    [
      'trackPortrait: options.poseSigma must be at least 0',
      () => trackPortrait(made(), { image, poseSigma: Number.NaN }),
    ],
    [
      'track.points must be finite',
      () => trackPortrait({ ...made(), points: made().points.fill(Number.NaN) }, { image }),
    ],
  ])('refuses: %s', (message, run) => {
    expect(run).toThrow(message);
  });
});

test('fitPerson keeps the generic depth of a face that never turns', () => {
  const { shape } = fitPerson({ data: fixture.landmarks.slice(0, 136), frameCount: 1, dimensions: 2 });
  expect(relativeDifference(shape, fixture.shape)).toBeLessThan(0.2);
  expect(shape.every(Number.isFinite)).toBe(true);
});

test('points73 keeps the points that both have, and the chin in the middle of the jaw', () => {
  const points = Float32Array.from({ length: 136 }, (_, i) => i * i);
  const face = points73(points);
  for (const [own, ibug] of [
    [7, 8],
    [15, 17],
    [27, 36],
    [33, 45],
    [39, 33],
    [46, 48],
    [57, 59],
    [58, 67],
    [63, 61],
    [64, 30],
  ])
    expect([face[2 * own], face[2 * own + 1]]).toEqual([points[2 * ibug], points[2 * ibug + 1]]);
  expect(() => points73(points, 3)).toThrow('points73: points must be [68, 3], 204 values, got 136');
});
