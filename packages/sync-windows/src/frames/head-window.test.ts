import type { DinetCrop } from '@lipsync/contracts';
import { storedShape } from '@lipsync/contracts';
import { Random } from '@lipsync/nn';
import { expect, test } from 'vitest';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { plainDraw as plain } from '../testing/made-windows';
import { cutMouthWindow } from './mouth-window';

const stored = { kind: 'dinet head', mouth: 16 } as const;
const { height, width } = storedShape(stored); // 26 x 20
const crop = (size: number, rest: Partial<DinetCrop> = {}): DinetCrop => ({
  kind: 'dinet',
  size,
  upright: 'median of five',
  sampling: 'exact',
  ...rest,
});
const random = new Random(5);
const noise = (count: number) => Uint8Array.from({ length: count * height * width * 3 }, () => random.integer(256));
const frames = noise(4);
const angles = [0, 0.3, -0.2, 1];

test('a variation that changes nothing shows the same, a mirrored one its mirror image, a shifted one the head beside the mouth', () => {
  const recipe = { frameCount: 4, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  const cut = (view: Partial<AugmentationDraw['view']>) =>
    cutMouthWindow(frames, 0, { stored, recipe, angles, augmentation: { ...plain, view: { ...plain.view, ...view } } });
  const seen = cutMouthWindow(frames, 0, { stored, recipe, angles });
  const far = (a: Float32Array, b: Float32Array) =>
    a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
  expect(far(cut({}), seen)).toBeLessThan(1e-4); // measured 0; a float32 step at 255 is 1.5e-5
  const rowsMirrored = Float32Array.from(seen, (_, i) => {
    const [row, column, channel] = [Math.floor(i / (16 * 12)), Math.floor(i / 12) % 16, i % 12];
    return seen[(row * 16 + 15 - column) * 12 + channel];
  });
  expect(far(cut({ mirrored: true }), rowsMirrored)).toBeLessThan(1e-4); // measured 0
  // A quarter of half a side is 2 pixels; the first frame is not turned, its box begins at row 8 and column 2.
  const shifted = cut({ across: 0.25, down: -0.25 });
  for (const [row, column] of [
    [0, 0],
    [5, 9],
    [15, 15],
  ]) {
    // measured 0
    expect(shifted[(row * 16 + column) * 12]).toBeCloseTo(frames[((row + 8 - 2) * width + column + 2 + 2) * 3], 4);
  }
  expect(shifted.every(Number.isFinite)).toBe(true);
});

test('what lies beyond the head frame is black', () => {
  const white = new Uint8Array(height * width * 3).fill(255);
  const recipe = { frameCount: 1, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  const window = cutMouthWindow(white, 0, {
    stored,
    recipe,
    angles: [0],
    augmentation: { ...plain, view: { ...plain.view, across: 1 } },
  });
  // Half a side is 8 pixels, 2 of them lie in the frame.
  expect([9, 10].map((column) => Math.round(window[column * 3]))).toEqual([255, 0]);
});

test('cutMouthWindow refuses head frames without their angles', () => {
  const recipe = { frameCount: 4, crop: crop(16), color: 'RGB', range: [0, 255] } as const;
  expect(() => cutMouthWindow(frames, 0, { stored, recipe })).toThrow(
    'cutMouthWindow: angles must be given for head frames',
  );
  expect(() => cutMouthWindow(frames, 0, { stored, recipe, angles: [0, 1] })).toThrow(
    'sampleHeadWindow: angles must be finite',
  );
});

test('a variation turns about the same centre and in the same direction as the face is turned', () => {
  const one = frames.subarray(0, height * width * 3);
  const turned = (angle: number, view: number) =>
    cutMouthWindow(one, 0, {
      stored,
      recipe: { frameCount: 1, crop: crop(16), color: 'RGB', range: [0, 255] },
      angles: [angle],
      augmentation: { ...plain, view: { ...plain.view, angle: view } },
    });
  const meanOf = (x: Float32Array) => x.reduce((sum, value) => sum + value, 0) / x.length;
  const covariance = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + (value - meanOf(a)) * (b[i] - meanOf(b)), 0);
  const correlation = (a: Float32Array, b: Float32Array) =>
    covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b));
  expect(correlation(turned(0.2, 0.3), turned(0.5, 0))).toBeGreaterThan(0.8);
  expect(correlation(turned(0.2, -0.3), turned(0.5, 0))).toBeLessThan(0.3);
});
