import { SPEECH_LOUDNESS } from '@lipsync/contracts';
import { expect, test } from 'vitest';
import { TRAINED_NETWORKS } from './trained-network';
import { presetFor, TRAINING_PRESETS } from './training-presets';

test('thesis is the recipe of the thesis: AdamW at a constant rate, plain pairs, no augmentation, plain weights', () => {
  const preset = presetFor('thesis');
  expect(preset).toMatchObject({ loss: 'cosine', learningRate: 1e-5, schedule: 'constant', augment: null });
  expect(preset.averageDecay).toBeUndefined();
  expect(preset.sampling).toMatchObject({ kind: 'pairs', pairs: 256, positiveShare: 0.5, minDistance: 1 });
});

test('what is trained here is brought to one level of speech; published recipes leave the audio as it is', () => {
  for (const name of ['contrast', 'thesis'] as const) expect(presetFor(name).loudness).toEqual(SPEECH_LOUDNESS);
  for (const network of ['syncnet', 'wav2lip', 'latentsync', 'dinet'] as const)
    expect(presetFor('published', network).loudness).toBe('none');
});

test('published is the preset of the network’s publisher; of AVAlignNet that is the thesis', () => {
  expect(presetFor('published', 'avalignnet')).toBe(TRAINING_PRESETS.thesis);
  for (const network of TRAINED_NETWORKS) {
    const preset = presetFor('published', network);
    expect(preset.source.length).toBeGreaterThan(20);
    expect(preset.averageDecay).toBeUndefined();
  }
  expect(presetFor('published', 'wav2lip').sampling).toMatchObject({ pairs: 64, lengthInWindows: 3, lengthBeyond: 1 });
});

test.each(['syncnet', 'dinet'] as const)(
  '%s is trained by its own preset only, as its pairs have no cosine',
  (network) => {
    expect(() => presetFor('contrast', network)).toThrow(`preset must be published for ${network}`);
    expect(() => presetFor('thesis', network)).toThrow(TypeError);
  },
);
