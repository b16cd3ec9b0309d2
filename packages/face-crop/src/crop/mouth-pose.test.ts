import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { madePoints, madeTrack } from '../testing/made-track';
import { mouthPose, trackPoses } from './mouth-pose';

test('mouthPose gives centre, measure and angle as numpy does', () => {
  for (let frame = 0; frame < 60; frame += 7) {
    const { x, y, measure, angle } = mouthPose(madePoints(frame));
    // measured 5e-7: the fixture has 6 decimals
    [x, y, measure, angle].forEach((value, k) => expect(value).toBeCloseTo(fixture.poses[frame * 4 + k], 5));
  }
});

test('mouthPose follows a shift, a scale and a rotation of the face', () => {
  const before = mouthPose(madePoints());
  const [cos, sin] = [2 * Math.cos(0.3), 2 * Math.sin(0.3)];
  const moved = madePoints().map((_, i, points) => {
    const [x, y] = [points[i - (i % 2)], points[i - (i % 2) + 1]];
    return i % 2 === 0 ? cos * x - sin * y + 10 : sin * x + cos * y - 4;
  });
  const after = mouthPose(moved);
  expect(after.measure).toBeCloseTo(2 * before.measure, 4); // measured 3e-6: points are float32
  expect(after.angle).toBeCloseTo(before.angle + 0.3, 6); // measured 7e-8
  expect(after.x).toBeCloseTo(cos * before.x - sin * before.y + 10, 5); // measured 9.9e-7
});

test('trackPoses of up to 40 frames is one pose, the medians', () => {
  const poses = trackPoses(madeTrack(30), 'clip median');
  expect(poses).toHaveLength(120);
  // measured 6.8e-6 here, up to 8.1e-6 below: poses are float32, whose half step at 150 is 7.6e-6
  poses.forEach((value, i) => expect(value).toBeCloseTo(fixture.shortPoses[i % 4], 4));
});

test('trackPoses of more frames is a moving median and then a moving mean', () => {
  const poses = trackPoses(madeTrack(60), 'clip median');
  poses.forEach((value, i) => expect(value).toBeCloseTo(fixture.longPoses[i], 4)); // measured 7.8e-6
});

test('trackPoses without a window is each frame on its own', () => {
  const poses = trackPoses(madeTrack(60), 'frame');
  poses.forEach((value, i) => expect(value).toBeCloseTo(fixture.poses[i], 4)); // measured 8.1e-6
});

test('trackPoses smooths an upside-down face like an upright one', () => {
  const track = madeTrack(30);
  const turned = { ...track, points: track.points.map((value) => 300 - value) };
  const angle = trackPoses(turned, 'clip median')[3];
  const upright = trackPoses(track, 'clip median')[3];
  expect(Math.cos(angle - upright)).toBeCloseTo(-1, 12); // measured 4.9e-15
});

test('mouthPose and trackPoses refuse missing points', () => {
  expect(() => mouthPose(new Float32Array(10))).toThrow('mouthPose: points must be a Float32Array of 136 values');
  const broken = madeTrack(3);
  broken.points[200] = Number.NaN;
  expect(() => trackPoses(broken, 'frame')).toThrow('trackPoses: track.points must be finite, got NaN in frame 1');
});
