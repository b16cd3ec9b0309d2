import { expect, test } from 'vitest';
import type { MelRecipe } from './mel-recipe';
import { assertMelRecipe, LATENTSYNC_MEL, MEL_RECIPES, THESIS_MEL, WAV2LIP_MEL } from './mel-recipe';

test('THESIS_MEL equals WAV2LIP_MEL, and MEL_RECIPES has all recipes by name', () => {
  expect(THESIS_MEL).toEqual(WAV2LIP_MEL);
  expect(MEL_RECIPES).toEqual({ THESIS_MEL, WAV2LIP_MEL, LATENTSYNC_MEL });
  expect(() => assertMelRecipe('test', THESIS_MEL)).not.toThrow();
});

test.each<[Partial<MelRecipe>, string]>([
  [{ fftSize: 801, winLength: 800 }, 'recipe.fftSize must be even, got 801'],
  [{ fftSize: 512 }, 'recipe.winLength must be at most fftSize (512), got 800'],
  [{ maxHz: 9000 }, 'recipe.maxHz must be above minHz (55) and at most sampleRate / 2 (8000), got 9000'],
  [{ minHz: 7600 }, 'recipe.maxHz must be above minHz (7600)'],
  [{ minHz: -1 }, 'recipe.minHz must be at least 0, got -1'],
  [{ hop: 0 }, 'recipe.hop must be a whole number above 0, got 0'],
  [{ melBins: 2.5 }, 'recipe.melBins must be a whole number above 0, got 2.5'],
  [{ minLevelDb: 0 }, 'recipe.minLevelDb must be below 0 dB'],
  [{ refLevelDb: Number.NaN }, 'recipe.refLevelDb must be finite, got NaN'],
  [{ preEmphasis: Number.POSITIVE_INFINITY }, 'recipe.preEmphasis must be finite, got Infinity'],
  [{ maxAbs: 0 }, 'recipe.maxAbs must be above 0, got 0'],
  [{ padMode: 'wrap' as 'zero' }, 'recipe.padMode must be "reflect" or "zero", got wrap'],
])('a recipe with %o is refused', (change, message) => {
  expect(() => assertMelRecipe('test', { ...THESIS_MEL, ...change })).toThrow(`test: ${message}`);
});
