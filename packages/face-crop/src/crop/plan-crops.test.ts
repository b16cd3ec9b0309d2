import type { DinetCrop, SimilarityCrop } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import fixture from '../../fixtures/crops.json';
import { madePoints, madeTrack } from '../testing/made-track';
import { noiseImage } from '../testing/noise-image';
import { videoCropRadius } from './crop-radius';
import { headCrop, mouthCrop } from './head-crop';
import { planCrops } from './plan-crops';
import { rotationAngle } from './rotation-angle';
import { sampleSquare } from './sample-square';

const frame = { data: noiseImage(256, 4), width: 256, height: 256, index: 0, timeSec: 0 };
const similarity: SimilarityCrop = {
  kind: 'similarity',
  centre: 'mean 48-67',
  upright: 'eye centres',
  side: 1.9,
  size: 24,
  window: 'clip median',
};
const dinet: DinetCrop = { kind: 'dinet', size: 64, upright: 'median of five', sampling: 'exact' };

test('planCrops places the similarity crop at the smoothed pose, with its factor', () => {
  const plan = planCrops(madeTrack(), similarity);
  expect(plan.poses).toHaveLength(240);
  // measured 7.8e-6: poses are float32
  plan.poses.forEach((value, i) => expect(value).toBeCloseTo(fixture.longPoses[i] * (i % 4 === 2 ? 1.9 : 1), 4));
});

test('planCrops cuts the square of its pose, into the given bytes', () => {
  const plan = planCrops(madeTrack(30), similarity);
  const [x, y, side, angle] = plan.poses.subarray(4 * 11);
  const out = new Uint8Array(24 * 24 * 3);
  expect(plan.cut(frame, 11, out)).toBe(out);
  expect(out).toEqual(sampleSquare(frame, { x, y, side, angle }, 24));
});

test('planCrops with dinet shows what the head crop and its mouth box show', () => {
  const track = madeTrack(20);
  const radius = videoCropRadius(track);
  for (const [upright, sampling] of [
    ['none', 'exact'],
    ['median of five', 'half pixel'],
    ['median of five', 'exact'],
  ] as const) {
    const size = 2 * radius;
    const crop = planCrops(track, { ...dinet, size, upright, sampling }).cut(frame, 7);
    const points = madePoints(7);
    const angle = upright === 'none' ? 0 : rotationAngle(points);
    const mouth = mouthCrop(headCrop(frame, points, radius), { angle, sampling });
    const difference = crop.reduce((sum, value, i) => sum + Math.abs(value - mouth[i]), 0) / crop.length;
    expect(difference).toBeLessThan(0.001); // measured 0; one level in a thousand values may round the other way
  }
});

test('planCrops with dinet keeps one side for all frames', () => {
  const plan = planCrops(madeTrack(), dinet, { width: 256, height: 256 });
  const sides = new Set(plan.poses.filter((_, i) => i % 4 === 2));
  expect(sides.size).toBe(1);
  expect([...sides][0] % 8).toBe(0);
});

test('planCrops refuses frames beyond the track and crops without a size', () => {
  const plan = planCrops(madeTrack(3), similarity);
  expect(() => plan.cut(frame, 3)).toThrow('CropPlan.cut: indexInTrack must be a whole number from 0 to 2, got 3');
  expect(() => planCrops(madeTrack(3), { ...similarity, size: 0 })).toThrow('planCrops: crop.size must be');
  expect(() => planCrops(madeTrack(30), dinet, { width: 64, height: 64 })).toThrow('head crop is steady and inside');
});

test("planCrops with a head crop is DINet's face image, and its pose the mouth box within", () => {
  const track = madeTrack(20);
  const radius = videoCropRadius(track);
  const plan = planCrops(track, { kind: 'dinet head', mouth: 2 * radius });
  const head = headCrop(frame, madePoints(7), radius, { placement: 'in place' });
  expect([plan.height, plan.width]).toEqual([head.height, head.width]);
  expect(Buffer.compare(plan.cut(frame, 7), head.data)).toBe(0);
  const [x, y, side, angle] = plan.poses.subarray(4 * 7);
  const upright = planCrops(track, { ...dinet, size: 2 * radius });
  expect([x, y, side, angle]).toEqual([...upright.poses.subarray(4 * 7, 4 * 8)]);
  const mouth = mouthCrop(head, { angle });
  const straight = upright.cut(frame, 7);
  const difference = straight.reduce((sum, value, i) => sum + Math.abs(value - mouth[i]), 0) / straight.length;
  expect(difference).toBeLessThan(0.001); // measured 0
  expect(() => planCrops(track, { kind: 'dinet head', mouth: 60 })).toThrow(
    'planCrops: crop.mouth must be a multiple of 8, got 60',
  );
});
