import { expect, test } from 'vitest';
import { madeClip, recipe, storeRecipe } from '../testing/made-clips';
import { assertClip, assertStoreFits } from './clip';

test('assertStoreFits names what a network cannot be fed with', () => {
  expect(() => assertStoreFits('here', storeRecipe, recipe)).not.toThrow();
  expect(() => assertStoreFits('here', storeRecipe, { ...recipe, fps: 30 })).toThrow(
    'here: recipe.fps must be 25, as in the store, got 30',
  );
  expect(() => assertStoreFits('here', storeRecipe, { ...recipe, features: 'WAV2LIP_MEL' })).toThrow(
    'here: recipe.features must be THESIS_MEL',
  );
});

test('assertClip refuses arrays that do not fit each other or the store', () => {
  const clip = madeClip('a.mp4.t0.s0', 5);
  expect(() => assertClip('here', clip, storeRecipe)).not.toThrow();
  expect(() => assertClip('here', { ...clip, frames: new Uint8Array(9) }, storeRecipe)).toThrow(
    'here: clip.frames must be 540 values long, got 9',
  );
  expect(() => assertClip('here', { ...clip, poses: new Float32Array(3) }, storeRecipe)).toThrow(
    'clip.poses must be 20',
  );
  expect(() => assertClip('here', clip, { ...storeRecipe, bins: 80 })).toThrow(
    'clip.features.bins must be 80, as in the store, got 4',
  );
  expect(() => assertClip('here', { ...clip, width: 7 }, storeRecipe)).toThrow(
    'clip must be of 6 x 6 pixels, as in the store, got 6 x 7',
  );
  expect(() => assertClip('here', { ...clip, audio: [] as never }, storeRecipe)).toThrow(
    'clip.audio must be an Int16Array',
  );
});

test('assertClip refuses logits of other than 29 numbers, and beside frames at another rate than 25', () => {
  const logits = { data: new Float32Array(58), steps: 2, bins: 29 };
  expect(() => assertClip('x', { ...madeClip('a.mp4.t0.s0', 8), logits }, storeRecipe)).not.toThrow();
  expect(() =>
    assertClip('x', { ...madeClip('a.mp4.t0.s0', 8), logits: { ...logits, bins: 28 } }, storeRecipe),
  ).toThrow('x: features.data must be of steps * bins = 2 * 28 values, got 58');
  const wide = { data: new Float32Array(64), steps: 2, bins: 32 };
  expect(() => assertClip('x', { ...madeClip('a.mp4.t0.s0', 8), logits: wide }, storeRecipe)).toThrow(
    'x: logits.bins must be 29, got 32',
  );
  expect(() => assertClip('x', { ...madeClip('a.mp4.t0.s0', 8), logits }, { ...storeRecipe, fps: 20 })).toThrow(
    'x: recipe.fps must be 25, the rate of logits, got 20',
  );
});
