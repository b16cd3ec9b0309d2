import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { AugmentationDraw } from '../augment/augmentation-draw';
import { BINS, madeFeatures, plainDraw, recipe } from '../testing/made-windows';
import { cutFeatureWindow } from './feature-window';

const fixture = JSON.parse(readFileSync(new URL('../../fixtures/windows.json', import.meta.url), 'utf8')) as {
  bins: number;
  steps: number;
  audio: number[];
  audios: { change: Omit<AugmentationDraw['audio'], 'noise' | 'jitterSteps'>; window: number[] }[];
};
const withAudio = (audio: Partial<AugmentationDraw['audio']>) => ({
  ...plainDraw,
  audio: { ...plainDraw.audio, ...audio },
});

test.each(fixture.audios)('cutFeatureWindow varies as PyTorch does: $change', ({ change, window }) => {
  const { bins, steps } = fixture;
  const got = cutFeatureWindow({ data: Float32Array.from(fixture.audio), bins, steps }, 0, {
    recipe: { fps: 25, frameCount: 10, features: 'THESIS_MEL', featureSteps: steps },
    augmentation: withAudio(change),
  });
  // float32 here, float64 there: largest difference measured 3e-7 of -4..4
  expect(Math.max(...window.map((value, i) => Math.abs(value - got[i])))).toBeLessThan(1e-6);
});

test('a window is bin-major and starts at floor(3.2 f)', () => {
  const features = madeFeatures(97); // step t is all t
  for (const [frame, start] of [
    [0, 0],
    [1, 3],
    [4, 12],
    [5, 16],
    [19, 60],
  ]) {
    const window = cutFeatureWindow(features, frame, { recipe });
    expect(window.length).toBe(BINS * 16);
    const row = Array.from({ length: 16 }, (_, i) => start + i);
    expect([...window]).toEqual(Array.from({ length: BINS }, () => row).flat());
  }
});

test('jitter moves the start and stays inside the clip', () => {
  const data = Float32Array.from({ length: 20 * 2 }, (_, i) => Math.floor(i / 2) / 10);
  const features = { data, steps: 20, bins: 2 };
  const first = (frame: number, jitterSteps: number) =>
    cutFeatureWindow(features, frame, { recipe, augmentation: withAudio({ jitterSteps }) })[0];
  expect([first(1, 0), first(1, 1), first(1, -1)].map((value) => Math.round(10 * value))).toEqual([3, 4, 2]);
  expect([first(0, -1), first(1, 5)].map((value) => Math.round(10 * value))).toEqual([0, 4]);
});

test('a noise floor adds powers: silence becomes the floor, loud audio stays', () => {
  const floor = -6;
  const level = (value: number) => {
    const features = { data: new Float32Array(80 * 16).fill(value), steps: 16, bins: 80 };
    const window = cutFeatureWindow(features, 0, { recipe, augmentation: withAudio({ floor }) });
    return window.reduce((sum, one) => sum + one, 0) / window.length;
  };
  expect(Math.abs(level(-4) - floor / 2)).toBeLessThan(0.1); // mean of 1280 of 65536 table entries, spread 0.3
  expect(Math.abs(level(3) - 3)).toBeLessThan(1e-3);
});

test('cutFeatureWindow refuses windows that leave the clip', () => {
  const features = madeFeatures(20);
  expect(() => cutFeatureWindow(features, 2, { recipe })).toThrow(
    "cutFeatureWindow: startFrame must be one whose 16 steps from 6 on lie in the clip's 20, got 2",
  );
  expect(() => cutFeatureWindow(features, 0, { recipe, out: new Float32Array(1) })).toThrow(
    'out must be 64 values long, got 1',
  );
});
