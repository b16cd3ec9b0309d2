import { expect, test } from 'vitest';
import type { SyncRecipe } from '../recipe/recipe';
import { assertFeatureBatch, assertMouthBatch } from './sync-expert';

const recipe = {
  frameCount: 5,
  featureSteps: 16,
  features: 'THESIS_MEL',
  crop: { kind: 'dinet', size: 64 },
} as SyncRecipe;

test('assertMouthBatch takes [batch, size, size, frameCount * 3]', () => {
  expect(() => assertMouthBatch('f', recipe, [7, 64, 64, 15])).not.toThrow();
  expect(() => assertMouthBatch('f', recipe, [7, 15, 64, 64])).toThrow(
    'f: frames must be of shape [batch, 64, 64, 15], got [7, 15, 64, 64]',
  );
});

test('assertFeatureBatch takes [batch, bins, featureSteps, 1]', () => {
  expect(() => assertFeatureBatch('f', recipe, [7, 80, 16, 1])).not.toThrow();
  expect(() => assertFeatureBatch('f', recipe, [7, 16, 80, 1])).toThrow('[batch, 80, 16, 1], got [7, 16, 80, 1]');
});

test('assertMouthBatch and assertFeatureBatch follow the crop and the features of the recipe', () => {
  const lower: SyncRecipe = {
    ...recipe,
    features: 'SYNCNET_MFCC',
    featureSteps: 20,
    crop: { kind: 'face box', size: 96, rows: 'lower half' },
  };
  expect(() => assertMouthBatch('f', lower, [7, 48, 96, 15])).not.toThrow();
  expect(() => assertMouthBatch('f', lower, [7, 96, 96, 15])).toThrow('[batch, 48, 96, 15]');
  expect(() => assertFeatureBatch('f', lower, [7, 13, 20, 1])).not.toThrow();
  expect(() => assertFeatureBatch('f', lower, [7, 80, 20, 1])).toThrow('[batch, 13, 20, 1]');
});
