import type { FaceTrack, VideoFrame } from '@lipsync/contracts';
import { planCrops } from '@lipsync/face-crop';
import { expect, test } from 'vitest';
import { facePoints } from '../testing/made-video';
import { similarity } from '../testing/made-windows';
import { cropRegion, planWithin } from './crop-region';

const frame = { width: 400, height: 300 };
const stored = similarity(1.9, 16);

/** A face that moves by (3, 2) pixels a frame from (x, y) on, slightly turned. */
function track(x: number, y: number, frameCount = 6): FaceTrack {
  const points = new Float32Array(frameCount * 136);
  for (let f = 0; f < frameCount; f++) {
    const face = facePoints(0);
    for (let i = 0; i < 68; i++) {
      const [px, py] = [face[2 * i], face[2 * i + 1]];
      points.set([x + 3 * f + px - 0.1 * py, y + 2 * f + py + 0.1 * px], f * 136 + 2 * i);
    }
  }
  return { id: 0, firstFrame: 0, frameCount, points, score: 1, interpolated: 0 };
}

const textured = (index: number): VideoFrame => {
  const data = Uint8Array.from(
    { length: frame.width * frame.height * 3 },
    (_, i) => (i * 7 + ((i * i) >> 5) + index * 31) & 255,
  );
  return { data, ...frame, index, timeSec: index / 25 };
};

function cutOut(
  frame: VideoFrame,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
): VideoFrame {
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const at = ((top + row) * frame.width + left) * 3;
    data.set(frame.data.subarray(at, at + width * 3), row * width * 3);
  }
  return { ...frame, data, width, height };
}

test.each([
  [200, 100],
  [15, 5],
  [388, 250],
])('crops of the region are those of the whole frame, of a face at %i, %i', (x, y) => {
  const plan = planCrops(track(x, y), stored, frame);
  const region = cropRegion([plan], stored, frame)!;
  expect(region.width * region.height).toBeLessThan(0.2 * frame.width * frame.height);
  for (const side of Object.values(region)) expect(side % 2).toBe(0);
  const within = planWithin(plan, region);
  let differing = 0;
  for (let f = 0; f < 6; f++) {
    const frame = textured(f);
    const [whole, part] = [plan.cut(frame, f), within.cut(cutOut(frame, region), f)];
    for (let i = 0; i < whole.length; i++) {
      if (whole[i] === part[i]) continue;
      differing++;
      expect(Math.abs(whole[i] - part[i])).toBe(1); // the centre is rounded elsewhere
    }
  }
  expect(differing).toBeLessThan(6);
});

test('cropRegion holds the crops of all faces, and is none where that is most of the frame or crops are no squares', () => {
  const plans = [planCrops(track(60, 60), stored, frame), planCrops(track(180, 100), stored, frame)];
  const region = cropRegion(plans, stored, frame)!;
  for (const plan of plans) {
    const alone = cropRegion([plan], stored, frame)!;
    expect(alone.left).toBeGreaterThanOrEqual(region.left);
    expect(alone.left + alone.width).toBeLessThanOrEqual(region.left + region.width);
    expect(alone.top + alone.height).toBeLessThanOrEqual(region.top + region.height);
  }
  const far = [planCrops(track(20, 10), stored, frame), planCrops(track(360, 240), stored, frame)];
  expect(cropRegion(far, stored, frame)).toBeUndefined();
  expect(cropRegion(plans, { kind: 'face box', size: 16 } as never, frame)).toBeUndefined();
  expect(cropRegion([], stored, frame)).toBeUndefined();
});
