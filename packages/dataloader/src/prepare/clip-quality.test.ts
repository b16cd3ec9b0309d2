import { expect, test } from 'vitest';
import { facePoints } from '../../../sync-windows/src/testing/made-video';
import { clipQuality, failedGate } from './clip-quality';
import { OPEN_GATES } from './preparation';

const frameCount = 10;
const clip = {
  frames: new Uint8Array(frameCount * 4 * 4 * 3).fill(90),
  frameCount,
  height: 4,
  width: 4,
  landmarks: Float32Array.from({ length: frameCount * 136 }, (_, i) => facePoints(60)[i % 136]),
  poses: Float32Array.from({ length: frameCount * 4 }, (_, i) => [60, 52, 40 + (i < 20 ? 0 : 2), 0][i % 4]),
  audio: new Int16Array(frameCount * 640),
};

test('clipQuality measures the face, the mouth, the frame and the speech', () => {
  const quality = clipQuality(clip, {
    frameSize: { width: 120, height: 80 },
    fps: 25,
    sharpness: (rgb, { width }) => rgb[0] + width,
  });
  expect(quality).toMatchObject({
    faceSize: 20,
    lipsInside: 1,
    brightness: 90,
    sharpness: 94,
    voiced: 0,
    sideDeviation: 1,
  });
  const narrow = clipQuality(clip, { frameSize: { width: 50, height: 80 }, fps: 25 });
  expect(narrow).toMatchObject({ lipsInside: 0, offCentre: 1 });
  expect(narrow.sharpness).toBeUndefined();
});

test('failedGate names the first gate that a clip does not pass', () => {
  const quality = {
    faceSize: 50,
    asymmetry: 0.2,
    offCentre: 0.4,
    lipsInside: 0.9,
    sharpness: 30,
    brightness: 90,
    voiced: 0.5,
    sideDeviation: 0,
  };
  expect(failedGate(quality, 0.6, OPEN_GATES)).toBeUndefined();
  const reasons = (gates: Partial<typeof OPEN_GATES>) => failedGate(quality, 0.6, { ...OPEN_GATES, ...gates });
  expect(reasons({ minFaceSize: 60 })).toEqual({ reason: 'face too small', detail: 'face of 50.0, below 60' });
  expect(reasons({ maxAsymmetry: 0.17 })).toEqual({ reason: 'face turned', detail: 'asymmetry 0.200, above 0.17' });
  expect(reasons({ maxOffCentre: 0.33 })).toEqual({
    reason: 'face off centre',
    detail: 'distance from the middle 0.400, above 0.33',
  });
  expect(reasons({ minLipsInside: 1 })?.reason).toBe('lips outside');
  expect(reasons({ minSharpness: 31 })?.reason).toBe('blurred');
  expect(reasons({ minScore: 0.7 })?.reason).toBe('detection unsure');
  expect(reasons({ minVoiced: 0.51 })?.reason).toBe('no speech');
  expect(reasons({ minFaceSize: 50, maxAsymmetry: 0.2, minVoiced: 0.5 })).toBeUndefined();
});
