import { expect, test } from 'vitest';
import {
  assertSyncRecipe,
  audioWindowStart,
  frameShape,
  recipeDifferences,
  type SyncCrop,
  type SyncRecipe,
  stepsBefore,
  storedShape,
} from './recipe';

const recipe: SyncRecipe = {
  frameCount: 10,
  fps: 25,
  crop: {
    kind: 'similarity',
    centre: 'mean 48-67',
    upright: 'eye centres',
    side: 1.18,
    size: 48,
    window: 'clip median',
  },
  color: 'RGB',
  range: [-1, 1],
  features: 'THESIS_MEL',
  featureSteps: 32,
  loudness: 'none',
};
const thesis: SyncRecipe = {
  ...recipe,
  crop: { kind: 'dinet', size: 128, upright: 'median of five', sampling: 'exact' },
};

test('assertSyncRecipe returns a complete recipe unchanged, also through JSON', () => {
  expect(assertSyncRecipe('f', JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  expect(assertSyncRecipe('f', JSON.parse(JSON.stringify(thesis)))).toEqual(thesis);
});

test.each([
  ['recipe.frameCount', { frameCount: 0 }],
  ['recipe.featureSteps', { featureSteps: 1.5 }],
  ['recipe.fps', { fps: Number.NaN }],
  ['recipe.color', { color: 'GRB' }],
  ['recipe.range', { range: [1, -1] }],
  ['recipe.features', { features: 'MY_MEL' }],
  ['recipe.crop.size', { crop: { ...recipe.crop, size: 0 } }],
  ['recipe.crop.centre', { crop: { ...recipe.crop, centre: 'nose' } }],
  ['recipe.crop.upright', { crop: { ...recipe.crop, upright: 'brows' } }],
  ['recipe.crop.window', { crop: { ...recipe.crop, window: 'none' } }],
  ['recipe.crop.kind', { crop: { kind: 'box', size: 8 } }],
  ['recipe.crop.size', { crop: { ...thesis.crop, size: 100 } }],
  ['recipe.crop.upright', { crop: { ...thesis.crop, upright: 'eyes' } }],
  ['recipe.crop.sampling', { crop: { ...thesis.crop, sampling: 'blur' } }],
])('assertSyncRecipe names %s', (name, change) => {
  expect(() => assertSyncRecipe('f', { ...recipe, ...change })).toThrow(`f: ${name} must be`);
});

test.each<SyncCrop>([
  { kind: 'track box', scale: 0.4, size: 224 },
  { kind: 'face box', size: 96, rows: 'lower half' },
  { kind: 'aligned face', size: 256, rows: 'lower half' },
  { kind: 'whole frame', size: 224, resize: 'none' },
])('assertSyncRecipe takes the crop %j', (crop) => {
  expect(assertSyncRecipe('f', { ...recipe, crop }).crop).toEqual(crop);
});

test.each([
  ['recipe.crop.scale', { kind: 'track box', scale: -1, size: 224 }],
  ['recipe.crop.rows', { kind: 'face box', size: 96, rows: 'upper half' }],
  ['recipe.crop.size', { kind: 'aligned face', size: 255, rows: 'lower half' }],
  ['recipe.crop.resize', { kind: 'whole frame', size: 224, resize: 'area' }],
])('assertSyncRecipe names %s of %j', (name, crop) => {
  expect(() => assertSyncRecipe('f', { ...recipe, crop })).toThrow(`f: ${name} must be`);
});

test('frameShape is the square, or its lower half where the network takes that', () => {
  expect(frameShape(recipe.crop)).toEqual({ height: 48, width: 48 });
  expect(frameShape({ kind: 'aligned face', size: 256, rows: 'lower half' })).toEqual({ height: 128, width: 256 });
  expect(frameShape({ kind: 'face box', size: 96, rows: 'all' })).toEqual({ height: 96, width: 96 });
});

test('audioWindowStart is floor(3.2 f) for mel, 4 f for MFCC, and centred for logits', () => {
  const at = (features: SyncRecipe['features'], frame: number, featureSteps = 16) =>
    audioWindowStart({ features, fps: 25, frameCount: 5, featureSteps }, frame);
  expect([0, 1, 7, 25].map((frame) => at('WAV2LIP_MEL', frame))).toEqual([0, 3, 22, 80]);
  expect([0, 1, 7].map((frame) => at('SYNCNET_MFCC', frame, 20))).toEqual([0, 4, 28]);
  expect([0, 2, 7].map((frame) => at('ASR_LOGITS', frame, 9))).toEqual([-2, 0, 5]);
  expect(() => at('THESIS_MEL', -1)).toThrow('audioWindowStart: frame');
});

test('stepsBefore is floor(16 frame / 5) for every frame up to a million at 25 fps and 80 steps per second', () => {
  let wrong = 0;
  for (let frame = 0; frame <= 1_000_000; frame++) {
    const whole = (16 * frame - ((16 * frame) % 5)) / 5; // whole numbers only, so exact
    if (stepsBefore(frame, { fps: 25, stepsPerSecond: 80 }) !== whole) wrong++;
  }
  expect(wrong).toBe(0);
});

test('stepsBefore is exact where the quotient rounds up', () => {
  expect(stepsBefore(7, { fps: 25, stepsPerSecond: 80 })).toBe(22);
  for (let frame = 0; frame < 5000; frame++) {
    const start = stepsBefore(frame, { fps: 29.97, stepsPerSecond: 80 });
    expect(start * 29.97).toBeLessThanOrEqual(80 * frame);
    expect((start + 1) * 29.97).toBeGreaterThan(80 * frame);
  }
});

test('recipeDifferences names the fields that differ, and no others', () => {
  expect(recipeDifferences(recipe, { ...recipe })).toEqual([]);
  const other: SyncRecipe = { ...recipe, range: [0, 1], crop: { ...recipe.crop, size: 64 } as SyncRecipe['crop'] };
  expect(recipeDifferences(recipe, other)).toEqual(['crop.size', 'range']);
  expect(recipeDifferences(recipe, thesis)).toContain('crop.kind');
});

test("storedShape is the whole crop, or DINet's face image", () => {
  expect(storedShape({ kind: 'face box', size: 96, rows: 'lower half' })).toEqual({ height: 96, width: 96 });
  for (const [mouth, height, width] of [
    [64, 104, 80],
    [128, 208, 160],
    [256, 416, 320],
  ]) {
    expect(storedShape({ kind: 'dinet head', mouth })).toEqual({ height, width });
  }
});
