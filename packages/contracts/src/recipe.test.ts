import { expect, test } from 'vitest';
import { assertSyncRecipe, cropSideFactor, recipeDifferences, type SyncRecipe } from './recipe';

const recipe: SyncRecipe = {
  frames: 10,
  fps: 25,
  crop: {
    kind: 'similarity',
    centre: 'mean 48-67',
    upright: 'eye centres',
    side: '1.18 * max(eye distance, 0.95 * eye-to-mouth)',
    size: 48,
    window: 'clip median',
  },
  color: 'RGB',
  range: [-1, 1],
  mel: 'THESIS_MEL',
  melSteps: 32,
};
const thesis: SyncRecipe = {
  ...recipe,
  crop: { kind: 'dinet', size: 128, upright: 'median of five', sampling: 'exact' },
};

test('assertSyncRecipe returns a complete recipe as it came, also through JSON', () => {
  expect(assertSyncRecipe('f', JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  expect(assertSyncRecipe('f', JSON.parse(JSON.stringify(thesis)))).toEqual(thesis);
});

test.each([
  ['recipe.frames', { frames: 0 }],
  ['recipe.melSteps', { melSteps: 1.5 }],
  ['recipe.fps', { fps: Number.NaN }],
  ['recipe.color', { color: 'GRB' }],
  ['recipe.range', { range: [1, -1] }],
  ['recipe.mel', { mel: 'MY_MEL' }],
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

test('cropSideFactor reads the number and refuses another formula', () => {
  expect(cropSideFactor(recipe.crop as never)).toBe(1.18);
  expect(() => cropSideFactor({ ...recipe.crop, side: '2 * eye distance' } as never)).toThrow('cropSideFactor: crop.side');
});

test('recipeDifferences names what differs and nothing else', () => {
  expect(recipeDifferences(recipe, { ...recipe })).toEqual([]);
  const other: SyncRecipe = { ...recipe, range: [0, 1], crop: { ...recipe.crop, size: 64 } as SyncRecipe['crop'] };
  expect(recipeDifferences(recipe, other)).toEqual(['crop.size', 'range']);
  expect(recipeDifferences(recipe, thesis)).toContain('crop.kind');
});
