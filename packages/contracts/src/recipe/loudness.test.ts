import { expect, test } from 'vitest';
import { assertLoudness, SPEECH_LOUDNESS } from './loudness';
import { assertSyncRecipe, recipeDifferences, type SyncRecipe } from './recipe';

const recipe: SyncRecipe = {
  frameCount: 5,
  fps: 25,
  crop: { kind: 'whole frame', size: 224, resize: 'bilinear' },
  color: 'BGR',
  range: [0, 255],
  features: 'THESIS_MEL',
  featureSteps: 16,
};

test('a recipe that does not say how loud its audio is made does not differ from one that says none', () => {
  expect(assertSyncRecipe('f', JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  expect(recipeDifferences(recipe, { ...recipe, loudness: 'none' })).toEqual([]);
  expect(recipeDifferences(recipe, { ...recipe, loudness: SPEECH_LOUDNESS })).toEqual(['loudness']);
});

test('a loudness rule keeps its fields in a fixed order, so that two recipes compare', () => {
  const turned = { mostGainDb: 60, kind: 'speech level', levelDb: -26 };
  const [a, b] = [turned, { kind: 'speech level', levelDb: -26, mostGainDb: 60 }].map((loudness) =>
    assertSyncRecipe('f', { ...recipe, loudness }),
  );
  expect(recipeDifferences(a, b)).toEqual([]);
});

test.each([
  ['recipe.loudness must be none, or an object of kind "speech level"', 'loud'],
  ['recipe.loudness must be none, or an object of kind "speech level"', { kind: 'peak', levelDb: -1 }],
  ['recipe.loudness.levelDb must be from -60 to 0 dB of full scale', { ...SPEECH_LOUDNESS, levelDb: 3 }],
  ['recipe.loudness.levelDb must be', { kind: 'speech level', mostGainDb: 50 }],
  ['recipe.loudness.mostGainDb must be from 0 to 100 dB', { ...SPEECH_LOUDNESS, mostGainDb: Number.NaN }],
])('assertLoudness refuses: %s', (message, value) => {
  expect(() => assertLoudness('f', value)).toThrow(message);
});

test('logits of a recogniser, which are not computed from the audio here, have no loudness rule', () => {
  const logits = { ...recipe, features: 'ASR_LOGITS', loudness: SPEECH_LOUDNESS };
  expect(() => assertSyncRecipe('f', logits)).toThrow('recipe.loudness must be none for ASR_LOGITS');
});
