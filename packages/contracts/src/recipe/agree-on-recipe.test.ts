import { expect, test } from 'vitest';
import { agreeOnRecipe } from './agree-on-recipe';
import type { SyncRecipe } from './recipe';

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'track box', scale: 0.4, size: 224 },
  color: 'BGR',
  range: [0, 255],
  features: 'SYNCNET_MFCC',
  featureSteps: 20,
  loudness: 'none',
};

test('agreeOnRecipe takes the one that exists, or both where they agree', () => {
  const text = JSON.stringify(recipe);
  expect(agreeOnRecipe('f', undefined, undefined)).toBeUndefined();
  expect(agreeOnRecipe('f', undefined, recipe)).toBe(recipe);
  expect(agreeOnRecipe('f', text, undefined)).toEqual(recipe);
  expect(agreeOnRecipe('f', text, recipe)).toEqual(recipe);
});

test('agreeOnRecipe names the fields that differ with both values, and refuses text that is no recipe', () => {
  const other: SyncRecipe = { ...recipe, color: 'RGB', crop: { kind: 'track box', scale: 0.3, size: 224 } };
  expect(() => agreeOnRecipe('f', JSON.stringify(recipe), other)).toThrow(
    `f: options.recipe must be the file's (color "BGR", crop.scale 0.4), got color "RGB", crop.scale 0.3`,
  );
  expect(() => agreeOnRecipe('f', '{', undefined)).toThrow("f: the file's recipe metadata must be JSON, got {");
  expect(() => agreeOnRecipe('f', '{"frameCount":0}', undefined)).toThrow('f: recipe.frameCount must be');
});
