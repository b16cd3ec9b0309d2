import { expect, test } from 'vitest';
import { upgradeRecipe } from './earlier-spelling';
import { assertSyncRecipe } from './recipe';

const earlier = {
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

test('a recipe in the earlier spelling reads as the same recipe', () => {
  const { frames, mel, melSteps, ...rest } = earlier;
  const now = { ...rest, crop: { ...rest.crop, side: 1.18 }, frameCount: 10, features: 'THESIS_MEL', featureSteps: 32 };
  expect(assertSyncRecipe('here', earlier)).toEqual(now);
  expect(assertSyncRecipe('here', now)).toEqual(now);
  expect([frames, mel, melSteps]).toEqual([10, 'THESIS_MEL', 32]);
});

test('another formula for the side is refused by assertSyncRecipe', () => {
  const crop = { ...earlier.crop, side: '2 * eye distance' };
  expect(() => assertSyncRecipe('here', { ...earlier, crop })).toThrow(
    'here: recipe.crop.side must be a number above 0',
  );
});

test('upgradeRecipe returns other values unchanged', () => {
  expect([upgradeRecipe(3), upgradeRecipe(null), upgradeRecipe([1])]).toEqual([3, null, [1]]);
});
